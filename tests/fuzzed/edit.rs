//! Edits of a blob's body: what a fuzzer changes in it before it is sealed again.

use fw_limits::codec::wire::{Kind, seal};

use super::input::Input;

/// Kind and version before a body, the checksum after it.
const HEAD: usize = 2;
const SEAL: usize = 8;
/// Bodies longer than this are not made longer.
const LONGEST: usize = 4_096;

/// The blob after some edits of its body, sealed again; or any body, sealed.
pub fn edited(kind: Kind, blob: &[u8], input: &mut Input<'_>) -> Vec<u8> {
    let mut body = blob[HEAD..blob.len() - SEAL].to_vec();
    let edits = input.byte();
    if edits == u8::MAX {
        let length = input.number();
        body = input.bytes(length).to_vec();
    } else {
        (0..edits % 8).for_each(|_| edit(&mut body, input));
    }
    let mut out = Vec::new();
    seal(kind, &mut out, |out| out.extend_from_slice(&body));
    out
}

fn edit(body: &mut Vec<u8>, input: &mut Input<'_>) {
    let how = input.byte();
    let at = input.number() % (body.len() + 1);
    let end = (at + usize::from(how >> 3) + 1).min(body.len());
    match how % 8 {
        0 => drop(body.drain(at..end)),
        1 if body.len() < LONGEST => {
            let part = body[at..end].to_vec();
            body.splice(at..at, part);
        }
        2 if body.len() < LONGEST => {
            let part = input.bytes(usize::from(how >> 3) + 1).to_vec();
            body.splice(at..at, part);
        }
        // The largest number there is, in place of a small one.
        3 => drop(body.splice(at..body.len().min(at + 1), [0xff; 8].into_iter().chain([0x7f]))),
        4 => {
            if let Some(byte) = body.get_mut(at) {
                *byte = byte.wrapping_add(1 << (how >> 5));
            }
        }
        _ => {
            if let Some(byte) = body.get_mut(at) {
                *byte = input.byte();
            }
        }
    }
}
