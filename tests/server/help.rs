//! FW.HELP: for people, from the same texts as the rest of the documentation.

use super::docs::listed;
use crate::support::answer::Answer;
use crate::support::server::Server;

fn lines(server: &mut Server, line: &str) -> Vec<String> {
    let Answer::List(rows) = server.must(line) else { panic!("{line} is a list") };
    let text = |row: Answer| match row {
        Answer::Text(text) => String::from_utf8(text).unwrap(),
        other => panic!("{other:?}"),
    };
    rows.into_iter().map(text).collect()
}

#[test]
fn help_lists_every_command_with_its_grammar_and_a_line() {
    let mut server = Server::start(&[]);
    let shown = lines(&mut server, "FW.HELP");
    let commands = listed();
    assert_eq!(shown.len(), 2 * commands.len() + 1);
    for (command, rows) in commands.iter().zip(shown.chunks(2)) {
        for form in command.doc.usage {
            let grammar = format!("{} {form}", command.doc.name);
            assert!(rows[0].contains(grammar.trim_end()), "{rows:?}");
        }
        assert_eq!(rows[1].trim_start(), command.doc.summary);
    }
}

#[test]
fn help_of_a_command_explains_its_options_however_it_is_named() {
    let mut server = Server::start(&[]);
    let shown = lines(&mut server, "FW.HELP FW.ADMIT");
    assert_eq!(shown[0], "FW.ADMIT key [COST n] [SCOPE name] [TOKENS n] [HOLD id amount [TTL ms]]");
    for word in ["COST n ", "SCOPE name ", "TOKENS n ", "HOLD id amount ", "TTL ms "] {
        let explained = shown.iter().filter(|line| line.trim_start().starts_with(word));
        assert_eq!(explained.count(), 1, "{word}: {shown:?}");
    }
    for name in ["admit", "ADMIT", "fw.admit", "Fw.Admit"] {
        assert_eq!(lines(&mut server, &format!("FW.HELP {name}")), shown);
    }
    for command in listed() {
        let shown = lines(&mut server, &format!("FW.HELP {}", command.doc.name));
        let lines = command.doc.usage.len() + command.doc.words.len() + 3;
        assert_eq!(shown.len(), lines, "{shown:?}");
        assert_eq!(shown[lines - 2], format!("  Replies {}", command.doc.replies));
        assert!(shown[lines - 1].starts_with("  Errors ERR"), "{shown:?}");
    }
    assert_eq!(lines(&mut server, "FW.HELP apply")[0], "FW.APPLY key effect");
}

#[test]
fn help_of_an_unknown_command_says_what_to_do() {
    let mut server = Server::start(&[]);
    for name in ["nosuch", "GET.FW", "FW.", "\"\"", "FW.FW.GET"] {
        let Answer::Error(why) = server.ask(&format!("FW.HELP {name}")) else { panic!("{name}") };
        assert!(why.starts_with("ERR argument 1") && why.contains("FW.HELP"), "{why}");
    }
}

#[test]
fn help_works_on_a_replica_in_a_script_and_without_accounts() {
    let mut server = Server::start(&["fw.new-accounts reject"]);
    let shown = lines(&mut server, "FW.HELP");
    assert_eq!(lines(&mut server, "EVAL_RO \"return redis.call('FW.HELP')\" 0"), shown);
    let mut replica = server.replica(&[]);
    assert_eq!(lines(&mut replica, "FW.HELP"), shown);
}
