//! Words: any of them in any command, a million of them, and very long ones.

use super::input::Input;
use super::socket::{Socket, request};
use super::traffic::{self, Step, words};
use super::{bytes, rounds, server, setting};
use crate::support::history::Random;

const COMMANDS: usize = 20_000;
/// Commands that are sent before the first of their replies is read.
const AT_ONCE: u64 = 30;
const MEGABYTE: usize = 1 << 20;
/// A byte more than this is refused by the server itself (proto-max-bulk-len).
const LONGEST_MB: usize = 512;

#[test]
fn any_words_in_any_command_get_one_well_formed_reply_each() {
    let server = server();
    let mut random = Random::new();
    let mut sockets = [2, 3].map(|version| {
        let mut socket = Socket::connect(&server);
        socket.send(format!("HELLO {version}\r\n").as_bytes());
        assert!(!socket.reply().is_error());
        socket
    });
    let (mut sent, mut errors) = (0, 0);
    while sent < rounds(COMMANDS) {
        let socket = &mut sockets[usize::from(random.below(2) == 0)];
        let commands: Vec<_> = (0..=random.below(AT_ONCE)).map(|_| command(&mut random)).collect();
        let all: Vec<u8> = commands.iter().flat_map(|command| request(command)).collect();
        let (first, rest) = all.split_at(all.len() / 3);
        socket.send(first);
        socket.send(rest);
        errors += commands.iter().filter(|_| socket.reply().is_error()).count();
        assert!(socket.is_in_step(), "{commands:?}");
        sent += commands.len();
    }
    assert!(errors > sent / 20 && errors < sent * 19 / 20, "{errors} errors of {sent}");
}

/// A command of ours, or a setting, out of random bytes.
fn command(random: &mut Random) -> Vec<Vec<u8>> {
    loop {
        let chosen = bytes(random, 64);
        match traffic::step(&mut Input::new(&chosen)) {
            // Another name may be one of the server's own commands.
            Step::Command(words) if words.first().is_some_and(|name| is_ours(name)) => {
                return words;
            }
            Step::Setting(name, value) => {
                let name = format!("fw.{name}").into_bytes();
                return vec![b"CONFIG".into(), b"SET".into(), name, value.into()];
            }
            Step::Clock(ms) if ms > 0 => return words(&format!("FW.CLOCK ADVANCE {ms}")),
            _ => {}
        }
    }
}

fn is_ours(name: &[u8]) -> bool {
    name.get(..3).is_some_and(|start| start.eq_ignore_ascii_case(b"FW."))
        && traffic::FORMS.iter().any(|form| {
            form.split(' ').next() == name.utf8_chunks().next().map(|chunk| chunk.valid())
        })
}

#[test]
fn malformed_protocol_is_answered_or_hung_up_on_and_the_server_lives() {
    let server = server();
    let long = [b"FW.ADMIT k ".as_slice(), &[b'x'; 100_000], b"\r\n"].concat();
    let all: [&[u8]; 14] = [
        b"*3\r\n$8\r\nFW.ADMIT\r\n$1\r\nk\r\n$99999999999\r\n",
        b"*3\r\n$8\r\nFW.ADMIT\r\n$-5\r\nk\r\n",
        b"*2\r\n$8\r\nFW.ADMIT\r\n$1\r\nk",
        b"*2\r\n$8\r\nFW.ADMIT\r\n$1\r\nkk\r\n",
        b"*2\r\n$3\r\nFW.ADMIT\r\n$1\r\nk\r\n",
        b"*2147483648\r\n$8\r\nFW.ADMIT\r\n",
        b"*-1\r\n*0\r\n*2\r\n:8\r\n",
        b"FW.ADMIT k COST \"unbalanced\r\n",
        b"FW.ADMIT k COST \0 \xff\r\n",
        b"FW.ADMIT\r\n\r\n\r\nFW.ADMIT k\r\n",
        b"FW.SUSPEND k \"\\x00\\r\\n%n\"\r\n",
        b"\xff\xfe\0\x80*$+-:%n\r\n\r\n",
        b"\0",
        &long,
    ];
    for bytes in all {
        let said = Socket::connect(&server).last_words(bytes);
        let lines = said.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        for line in lines {
            assert!(line.ends_with(b"\r"), "{} {}", bytes.escape_ascii(), said.escape_ascii());
        }
        assert!(Socket::connect(&server).is_in_step(), "{}", bytes.escape_ascii());
    }
}

#[test]
fn a_million_arguments_get_one_reply() {
    const ARGUMENTS: usize = 1_000_000;
    let server = server();
    let mut socket = Socket::connect(&server);
    let many = |start: &str, word: &str| {
        let mut all = words(start);
        all.extend(words(word).into_iter().cycle().take(ARGUMENTS));
        request(&all)
    };
    for (start, word) in [
        ("FW.ADMIT k", "COST 1"),
        ("FW.SPEND k 1", "PARTIAL"),
        ("FW.SET k", "tier auto"),
        ("FW.QUOTA k RESERVE l", "h100 1"),
        ("FW.GET", "k"),
    ] {
        socket.send(&many(start, word));
        assert!(socket.reply().is_error(), "{start}");
        assert!(socket.is_in_step());
    }
    socket.send(&many("FW.QUOTA k SYNC 9223372036854775807", "a b"));
    assert_eq!(socket.reply().line, b"0", "a million leases may be listed");
    if setting("FW_HOSTILE_ROUNDS", 1) > 1 {
        for form in traffic::FORMS {
            socket.send(&many(form, "x"));
            socket.reply();
            assert!(socket.is_in_step(), "{form}");
        }
    }
}

#[test]
fn an_argument_of_many_megabytes_gets_one_reply() {
    let size = setting("FW_HOSTILE_MB", 64).min(LONGEST_MB) * MEGABYTE;
    let mut server = server();
    let mut socket = Socket::connect(&server);
    for (byte, form, place) in [
        (b'x', "FW.ADMIT k COST 1", 3),
        (b'9', "FW.ADMIT k COST 1 HOLD h 1", 6),
        (b'x', "FW.ADMIT k SCOPE m", 3),
        (0xff, "FW.ADMIT k HOLD h 1", 3),
        (0xff, "FW.PEEK k TOKENS 1", 2),
        (b'x', "FW.SUSPEND k fraud", 2),
        (b'x', "FW.SET k tier auto", 3),
        (b'x', "FW.LIMIT k requests@m MAX 5", 2),
        (0, "FW.QUOTA k RESERVE l h100 1", 3),
        (b'x', "FW.HELP admit", 1),
        (0xff, "FW.APPLY k effect", 2),
        (b'x', "FW.LOAD k bytes", 2),
    ] {
        let mut all = words(form);
        all[place] = vec![byte; size];
        socket.send(&request(&all));
        assert!(socket.reply().is_error(), "{form}");
        assert!(socket.is_in_step(), "{form}");
    }
    // Any key works.
    socket.send(&request(&[b"FW.ADMIT".to_vec(), vec![0xff; size]]));
    assert!(!socket.reply().is_error());
    assert_eq!(server.says("DBSIZE"), "1");
    server.must("FLUSHALL");
}
