//! Grammar: the usage lines of a command, read into a tree of arguments.
//!
//! A usage line is written once, for people. What `COMMAND DOCS` and the server's count of words say
//! is read from it here, so they cannot say something else. In a line, capitals and [`LITERALS`] are
//! words to type and all else is a place for a value; `[a]` can be left out, `a|b` and `a | b` are
//! choices (without spaces: of one word), `x [x ...]` repeats, and `[x ...]` can be left out as well.
//! Every text reads as something; a test writes the trees back and compares.

/// The words to type that are written in lower case.
const LITERALS: [&str; 7] =
    ["payment-method", "tier", "anchor-day", "yes", "no", "auto", "unlimited"];

/// An argument of a command, with all that belongs to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Argument {
    /// What it is called, unlike its neighbours.
    pub name: String,
    /// The word to type before it, or instead of it.
    pub token: Option<&'static str>,
    /// The place for a value, as the usage line writes it; empty if there is none.
    pub place: &'static str,
    /// What it is.
    pub kind: Kind,
    /// How often it is given.
    pub occurs: Occurs,
}

/// What an argument is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The account.
    Key,
    /// Any bytes that the command reads: a name, an id, an amount, a limit.
    Text,
    /// A whole number.
    Integer,
    /// A time in Unix milliseconds.
    Time,
    /// A word to type and nothing more.
    Token,
    /// One of these.
    OneOf(Vec<Argument>),
    /// All of these, one after the other.
    Block(Vec<Argument>),
}

/// How often an argument is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Occurs {
    /// Exactly once.
    Once,
    /// Once or not at all.
    Perhaps,
    /// Once or more.
    Often,
    /// Any number of times.
    Any,
}

impl Occurs {
    /// Holds if it can be left out.
    #[must_use]
    pub const fn is_optional(self) -> bool {
        matches!(self, Self::Perhaps | Self::Any)
    }

    /// Holds if it can be repeated.
    #[must_use]
    pub const fn is_multiple(self) -> bool {
        matches!(self, Self::Often | Self::Any)
    }
}

/// Reads usage lines, one for each form; an account that begins all of them is taken out.
#[must_use]
pub fn arguments(usage: &[&'static str]) -> Vec<Argument> {
    let mut forms: Vec<Vec<Argument>> = usage.iter().map(|form| form_of(form)).collect();
    if forms.len() < 2 {
        return forms.pop().unwrap_or_default();
    }
    let account = forms.iter().all(|form| matches!(first_kind(form), Some(Kind::Key)));
    let mut shared = Vec::new();
    if account {
        for form in &mut forms {
            shared = vec![form.remove(0)];
        }
    }
    shared.extend(one_of(forms));
    shared
}

/// The number of words of a command, its name among them, as the server counts: `-n` is at least n.
///
/// It is never an exact number: the server refuses a word too many without naming it, and the
/// commands say which one it is.
#[must_use]
pub fn arity(arguments: &[Argument]) -> i32 {
    let words = least(arguments).saturating_add(1);
    i32::try_from(words).unwrap_or(i32::MAX).saturating_neg()
}

fn first_kind(form: &[Argument]) -> Option<&Kind> {
    form.first().map(|argument| &argument.kind)
}

/// The fewest words that these take.
fn least(arguments: &[Argument]) -> usize {
    let needed = arguments.iter().filter(|argument| !argument.occurs.is_optional());
    needed.fold(0, |sum, argument| sum.saturating_add(least_of(argument)))
}

fn least_of(argument: &Argument) -> usize {
    let value = match &argument.kind {
        Kind::Token => 0,
        Kind::Block(parts) => least(parts),
        Kind::OneOf(choices) => choices.iter().map(least_of).min().unwrap_or(0),
        _ => 1,
    };
    value.saturating_add(usize::from(argument.token.is_some()))
}

fn form_of(form: &'static str) -> Vec<Argument> {
    let mut signs = signs(form);
    signs.reverse();
    Reader { signs, repeats: false }.sequence()
}

/// The signs of a usage line: words, brackets, bars and dots.
fn signs(form: &'static str) -> Vec<&'static str> {
    let mut found = Vec::new();
    for mut word in form.split_whitespace() {
        while let Some(rest) = word.strip_prefix('[') {
            found.push("[");
            word = rest;
        }
        let bare = word.trim_end_matches(']');
        if !bare.is_empty() {
            found.push(bare);
        }
        found.extend(word.bytes().skip(bare.len()).map(|_| "]"));
    }
    found
}

struct Reader {
    /// What is still to read, the next sign last.
    signs: Vec<&'static str>,
    /// Whether the sequence read last ended with `...`.
    repeats: bool,
}

impl Reader {
    /// Reads arguments up to a bar, a closing bracket or the end, which is left.
    fn sequence(&mut self) -> Vec<Argument> {
        let mut found: Vec<Argument> = Vec::new();
        self.repeats = false;
        while let Some(sign) = self.signs.pop() {
            match sign {
                "]" | "|" => {
                    self.signs.push(sign);
                    break;
                }
                "..." => self.repeats = true,
                "[" => self.bracket(&mut found),
                word => {
                    let next = one_of(word.split('|').map(|word| vec![word_of(word)]).collect());
                    found.extend(next);
                    pair(&mut found);
                }
            }
        }
        found
    }

    /// Reads what is in brackets, and the closing one.
    fn bracket(&mut self, found: &mut Vec<Argument>) {
        let mut choices = vec![self.sequence()];
        while self.signs.last() == Some(&"|") {
            self.signs.pop();
            choices.push(self.sequence());
        }
        let repeats = std::mem::take(&mut self.repeats);
        self.signs.pop();
        let again = choices.first().filter(|again| repeats && found.ends_with(again));
        if let Some(again) = again {
            found.truncate(found.len().saturating_sub(again.len()));
            let once = group(again.clone());
            found.extend(once.map(|once| Argument { occurs: Occurs::Often, ..once }));
        } else {
            let occurs = if repeats { Occurs::Any } else { Occurs::Perhaps };
            found.extend(one_of(choices).map(|once| Argument { occurs, ..once }));
        }
    }
}

/// A word of a usage line.
fn word_of(word: &'static str) -> Argument {
    let capitals = !word.bytes().any(|byte| byte.is_ascii_lowercase());
    if capitals || LITERALS.contains(&word) {
        let (name, token) = (word.to_ascii_lowercase(), Some(word));
        return Argument { name, token, place: "", kind: Kind::Token, occurs: Occurs::Once };
    }
    let kind = match word {
        "key" => Kind::Key,
        "n" | "ms" | "ttl_ms" | "token" | "upto-token" | "day" => Kind::Integer,
        _ => Kind::Text,
    };
    Argument { name: word.to_owned(), token: None, place: word, kind, occurs: Occurs::Once }
}

/// Puts a word to type before the value that follows it.
fn pair(found: &mut Vec<Argument>) {
    let [.., token, value] = found.as_mut_slice() else { return };
    let value_is_bare = value.token.is_none() && value.occurs == Occurs::Once;
    if token.kind != Kind::Token || token.occurs != Occurs::Once || !value_is_bare {
        return;
    }
    token.place = value.place;
    // The only times on the wire that are given and not told.
    let time = token.token == Some("SET") && value.place == "ms";
    token.kind = if time { Kind::Time } else { value.kind.clone() };
    found.pop();
}

/// Makes one argument of a sequence. A word to type that begins it belongs to all of it.
fn group(mut parts: Vec<Argument>) -> Option<Argument> {
    if parts.len() < 2 {
        return parts.pop();
    }
    let first = parts.first_mut().filter(|first| first.occurs == Occurs::Once);
    let token = first.and_then(|first| first.token.take());
    match parts.first_mut() {
        Some(first) if token.is_some() && first.kind == Kind::Token => {
            parts.remove(0);
        }
        Some(first) if token.is_some() => first.name = first.place.to_owned(),
        _ => {}
    }
    let name = token.map_or_else(|| joined(&parts), str::to_ascii_lowercase);
    Some(Argument { name, token, place: "", kind: Kind::Block(parts), occurs: Occurs::Once })
}

/// Makes one argument of choices.
fn one_of(choices: Vec<Vec<Argument>>) -> Option<Argument> {
    let mut choices: Vec<Argument> = choices.into_iter().filter_map(group).collect();
    if choices.len() < 2 {
        return choices.pop();
    }
    let (name, kind) = (joined(&choices), Kind::OneOf(choices));
    Some(Argument { name, token: None, place: "", kind, occurs: Occurs::Once })
}

fn joined(parts: &[Argument]) -> String {
    parts.iter().map(|part| part.name.as_str()).collect::<Vec<_>>().join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A tree in short: names with tokens, `?` optional, `+` often, `*` any.
    fn short(arguments: &[Argument]) -> String {
        let one = |argument: &Argument| {
            let token = argument.token.map_or(String::new(), |token| format!("{token}="));
            let inside = match &argument.kind {
                Kind::Token => String::new(),
                Kind::OneOf(parts) => format!("<{}>", short(parts)),
                Kind::Block(parts) => format!("({})", short(parts)),
                kind => format!("{} {kind:?}", argument.place),
            };
            let often = match argument.occurs {
                Occurs::Once => "",
                Occurs::Perhaps => "?",
                Occurs::Often => "+",
                Occurs::Any => "*",
            };
            format!("{}:{token}{inside}{often}", argument.name)
        };
        arguments.iter().map(one).collect::<Vec<_>>().join(", ")
    }

    fn reads(usage: &[&'static str], tree: &str, words: i32) {
        let arguments = arguments(usage);
        assert_eq!(short(&arguments), tree, "{usage:?}");
        assert_eq!(arity(&arguments), words, "{usage:?}");
    }

    #[test]
    fn a_usage_line_reads_as_a_tree() {
        reads(&[""], "", -1);
        reads(&["key"], "key:key Key", -2);
        reads(&["key id ttl_ms"], "key:key Key, id:id Text, ttl_ms:ttl_ms Integer", -4);
        reads(&["key [name]"], "key:key Key, name:name Text?", -2);
        reads(
            &["key amount ID id [PROMO]"],
            "key:key Key, amount:amount Text, id:ID=id Text, promo:PROMO=?",
            -5,
        );
        reads(
            &["[COST n] [HOLD id amount [TTL ms]]"],
            "cost:COST=n Integer?, hold:HOLD=(id:id Text, amount:amount Text, ttl:TTL=ms Integer?)?",
            -1,
        );
    }

    #[test]
    fn choices_are_of_words_or_of_sequences() {
        reads(
            &["key FAILED|PAID invoice"],
            "key:key Key, failed-paid:<failed:FAILED=, paid:PAID=>, invoice:invoice Text",
            -4,
        );
        reads(&["[MAX v|DEFAULT]"], "max:MAX=<v:v Text, default:DEFAULT=>?", -1);
        reads(
            &["[ID id | HOLD id [PARTIAL]]"],
            "id-hold:<id:ID=id Text, hold:HOLD=(id:id Text, partial:PARTIAL=?)>?",
            -1,
        );
        reads(
            &["[tier name|unlimited|auto]"],
            "tier:tier=<name:name Text, unlimited:unlimited=, auto:auto=>?",
            -1,
        );
    }

    #[test]
    fn what_repeats_is_one_argument() {
        reads(&["quota n [quota n ...]"], "quota-n:(quota:quota Text, n:n Integer)+", -3);
        reads(&["upto-token [id ...]"], "upto-token:upto-token Integer, id:id Text*", -2);
    }

    #[test]
    fn forms_are_choices_after_the_account() {
        reads(
            &["SET ms", "ADVANCE ms", "REAL"],
            "set-advance-real:<set:SET=ms Time, advance:ADVANCE=ms Integer, real:REAL=>",
            -2,
        );
        reads(
            &["key RENEW id token", "key RELEASE id [token]"],
            "key:key Key, renew-release:<renew:RENEW=(id:id Text, token:token Integer), \
             release:RELEASE=(id:id Text, token:token Integer?)>",
            -4,
        );
    }

    #[test]
    fn a_line_that_is_badly_written_reads_as_something() {
        for line in ["[", "]", "a ]", "[a", "[[a|", "| |", "...", "[...]", "[a ...", "A [B [", "[]"]
        {
            let arguments = arguments(&[line]);
            assert!(arity(&arguments) < 0, "{line}");
        }
    }
}
