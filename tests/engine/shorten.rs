//! Shortens a script that fails to the steps that it needs to fail.

/// Drops steps for as long as the rest still fails, and gives the fewest that do.
pub fn shorten<T: Clone>(steps: &[T], fails: impl Fn(&[T]) -> bool) -> Vec<T> {
    let mut shortest = steps.to_vec();
    let mut chunk = shortest.len().div_ceil(2);
    while chunk > 0 {
        let before = shortest.len();
        let mut at = 0;
        while at < shortest.len() {
            let mut shorter = shortest.clone();
            shorter.drain(at..(at + chunk).min(shortest.len()));
            if fails(&shorter) {
                shortest = shorter;
            } else {
                at += chunk;
            }
        }
        // One step dropped may make another one needless.
        if chunk > 1 || shortest.len() == before {
            chunk /= 2;
        }
    }
    shortest
}
