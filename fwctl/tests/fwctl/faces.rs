//! Colours and completions.

use crate::program::{at, ended, run, url};
use crate::support::server::Server;

#[test]
fn a_pipe_has_no_colours_and_a_terminal_has() {
    let mut server = Server::start(&["appendonly no", "save \"\""]);
    server.must("FW.SUSPEND acct:42 fraud");
    for line in ["explain 42", "account show 42", "quota list 42", "top --once"] {
        let plain = run(&server, line).out;
        assert!(!plain.contains('\u{1b}'), "{line}: {plain:?}");
        let forced = |name: &str| {
            let mut command = at(&url(&server));
            command.env("CLICOLOR_FORCE", "1").env(name, "1");
            ended(command.args(["--now-ms", "0"]).args(line.split(' '))).out
        };
        assert!(forced("UNUSED").contains("\u{1b}["), "{line}");
    }
    let mut quiet = at(&url(&server));
    // A real terminal, that asks for none.
    let told = |command: &mut std::process::Command| ended(command).out;
    let line = format!("{} explain 42", env!("CARGO_BIN_EXE_fwctl"));
    let script = |env: (&str, &str)| {
        let mut script = std::process::Command::new("script");
        script.args(["-qec", &line, "/dev/null"]).env("TERM", "xterm").env("FW_URL", url(&server));
        told(script.env_remove("NO_COLOR").env(env.0, env.1))
    };
    assert!(script(("UNUSED", "1")).contains("\u{1b}[1m\u{1b}[31mDENY"));
    assert!(!script(("NO_COLOR", "1")).contains('\u{1b}'));
    assert!(!told(quiet.args(["-o", "json", "explain", "42"])).contains('\u{1b}'));
}

#[test]
fn completions_are_scripts_of_the_shell() {
    for (shell, mark) in [
        ("bash", "complete -F _fwctl"),
        ("zsh", "#compdef fwctl"),
        ("fish", "complete -c fwctl"),
        ("elvish", "edit:completion"),
        ("powershell", "Register-ArgumentCompleter"),
    ] {
        // No server is needed.
        let ran = ended(at("redis://127.0.0.1:1").args(["completions", shell]));
        assert_eq!(ran.code, 0);
        assert!(ran.out.contains(mark), "{shell}");
    }
    let script = ended(at("redis://127.0.0.1:1").args(["completions", "bash"])).out;
    let mut bash = std::process::Command::new("bash");
    let line = "eval \"$0\"; COMP_WORDS=(fwctl li); COMP_CWORD=1; _fwctl fwctl li fwctl; \
                echo \"${COMPREPLY[@]}\"";
    assert_eq!(ended(bash.args(["-c", line, &script])).out, "limit\n");
}
