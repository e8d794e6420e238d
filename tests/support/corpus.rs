//! The inputs that fuzzing kept: fuzz/corpus for what they cover, fuzz/found for what they found.

use std::path::Path;

/// Puts every input of a fuzz target through what the target does, and tells how many there were.
///
/// # Panics
/// If one of them finds something.
pub fn each(target: &str, run: impl Fn(&[u8])) -> usize {
    let mut count = 0;
    for folder in ["corpus", "found"] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz").join(folder).join(target);
        let Ok(entries) = std::fs::read_dir(folder) else { continue };
        for entry in entries {
            let path = entry.expect("an entry reads").path();
            println!("{}", path.display());
            run(&std::fs::read(path).expect("an input reads"));
            count += 1;
        }
    }
    count
}
