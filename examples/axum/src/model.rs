//! A model for the example: it streams one word a token, so costs can be counted by hand.
//!
//! `model-stalls-N` waits for ever after N tokens, `model-fails-N` fails after N.

/// The model broke off.
#[derive(Debug)]
pub struct Failed(u64);

impl std::fmt::Display for Failed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "failed after {} tokens", self.0)
    }
}

/// As many words as it may say.
pub struct Words {
    said: u64,
    most: u64,
    stalls: Option<u64>,
    fails: Option<u64>,
}

impl Words {
    pub fn of(model: &str, most: u64) -> Self {
        let after = |trouble: &str| model.strip_prefix(trouble)?.parse().ok();
        let (stalls, fails) = (after("model-stalls-"), after("model-fails-"));
        Self { said: 0, most, stalls, fails }
    }

    pub async fn next(&mut self) -> Option<Result<String, Failed>> {
        if self.fails == Some(self.said) {
            return Some(Err(Failed(self.said)));
        }
        if self.stalls == Some(self.said) {
            std::future::pending::<()>().await;
        }
        if self.said == self.most {
            return None;
        }
        let word = format!("word{} ", self.said);
        self.said += 1;
        Some(Ok(word))
    }
}
