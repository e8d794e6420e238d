//! Replies that are said often: the server writes each once, and is handed it back afterwards.
//!
//! To hand one back costs less than half of writing an element anew, and a sixth of writing all that
//! FW.ADMIT replies. They are written by the very code that writes them otherwise; where the server
//! cannot keep them, they are written each time.
//!
//! A phrase is more than one element and less than a whole reply. A command may reply what is no whole
//! value: the server keeps its bytes, and hands them back, without a look at them. That it kept what the
//! protocol says is checked. A phrase must never be asked for its type or its elements: the server would
//! read it as a value then, and cut it short.

use std::cell::RefCell;
use std::ffi::CStr;
use std::ptr::null_mut;
use std::rc::Rc;

use redis_module::raw;

use super::ffi::{Ctx, MainThread, OK, api};
use crate::command::reply::{Phrase, Reply};
use crate::engine::limit::{Limit, Units};
use crate::engine::policy::Policy;
use crate::engine::slot::SPAN;
use crate::engine::standing::Reasons;
use crate::engine::tier::Tiers;
use crate::engine::verdict::Outcome;

/// Up to which limit of requests all that FW.ADMIT says of it is kept: 0.7 KB for each number that may
/// remain, 7 MB then.
const MOST: i64 = 10_000;

const DONE: &CStr = c"OK";
const TEXTS: [&[u8]; 4] = [b"requests", b"active", b"0", b"unlimited"];

/// Where each lies among the elements that are kept: the word, the texts, two integers, then what is
/// said of an admission, by what remains of the limit.
const SPAN_AT: usize = 1 + TEXTS.len();
const LIMIT_AT: usize = SPAN_AT + 1;
const ADMISSIONS_AT: usize = LIMIT_AT + 1;

/// How many phrases are about no tier, and how many about each.
const PHRASES: usize = 3;
const PHRASES_OF_TIER: usize = 3;

type Written = *mut raw::RedisModuleCallReply;

/// The platform's figures that what is kept is about.
#[derive(PartialEq, Eq)]
pub(super) struct Figures {
    /// Requests per rate window; 0 if they are not limited.
    limit: i64,
    tiers: Tiers,
}

impl Figures {
    pub(super) fn of(policy: &Policy) -> Self {
        let limit = match policy.requests {
            Limit::At(units) => units.count(),
            Limit::Unlimited => 0,
        };
        Self { limit, tiers: policy.tiers.clone() }
    }

    /// All phrases that are kept, in their order.
    fn phrases(&self) -> impl Iterator<Item = Phrase<'_>> {
        let limit = Units::new(self.limit).unwrap_or_default();
        let of_none: [_; PHRASES] =
            [Phrase::Admitted(limit), Phrase::Whole, Phrase::Outcome(Outcome::Ok)];
        let of_tiers = self.tiers.rows().iter().flat_map(|tier| {
            let (name, active) = (Some(&tier.name), Reasons::NONE);
            let phrases: [_; PHRASES_OF_TIER] = [
                Phrase::Limit(tier.limit),
                Phrase::Unfunded(name, active),
                Phrase::AtRest(tier.limit, name, active),
            ];
            phrases
        });
        of_none.into_iter().chain(of_tiers)
    }

    /// The place of a phrase among them.
    #[inline(always)]
    fn place(&self, phrase: Phrase<'_>) -> Option<usize> {
        let rows = self.tiers.rows();
        let (rank, at) = match phrase {
            Phrase::Admitted(limit) => return (limit.count() == self.limit).then_some(0),
            Phrase::Whole => return Some(1),
            Phrase::Outcome(outcome) => return (outcome == Outcome::Ok).then_some(2),
            Phrase::Limit(limit) => (rows.iter().position(|tier| tier.limit == limit)?, 0),
            Phrase::Unfunded(Some(tier), Reasons::NONE) => (self.tiers.rank(tier)?, 1),
            Phrase::AtRest(limit, Some(tier), Reasons::NONE) => {
                let rank = self.tiers.rank(tier)?;
                if rows.get(rank)?.limit != limit {
                    return None;
                }
                (rank, 2)
            }
            Phrase::Unfunded(..) | Phrase::AtRest(..) => return None,
        };
        rank.checked_mul(PHRASES_OF_TIER)?.checked_add(PHRASES)?.checked_add(at)
    }

    /// How many elements are kept.
    fn elements(&self) -> usize {
        let limit = if self.limit <= MOST { usize::try_from(self.limit).unwrap_or(0) } else { 0 };
        ADMISSIONS_AT.saturating_add(limit)
    }
}

/// What the server wrote.
struct Store {
    /// Where the server was asked for it.
    ctx: Ctx,
    about: Option<Rc<Figures>>,
    /// All elements, in which each lies.
    all: Written,
    elements: Vec<Written>,
    phrases: Vec<Written>,
}

static STORE: MainThread<Store> = MainThread(RefCell::new(Store::NONE));

/// What is to be written, while the server is asked for it.
struct Wanted {
    about: Rc<Figures>,
    /// Which phrase; all elements if none.
    phrase: Option<usize>,
}

// Not a thread's own: what has a destructor there keeps a library that is unloaded in its place.
static WANTED: MainThread<Option<Wanted>> = MainThread(RefCell::new(None));

/// Begins with nothing. What was kept for a module of this library that was unloaded is not given back:
/// where the server was asked for it is gone.
pub(super) fn begin() {
    if let Ok(mut store) = STORE.0.try_borrow_mut() {
        *store = Store::NONE;
    }
}

/// Has the server write all that is said of these figures, unless it did.
pub(super) fn prepare(ctx: Ctx, figures: Figures) {
    let Ok(mut store) = STORE.0.try_borrow_mut() else { return };
    if store.about.as_deref() == Some(&figures) && !store.all.is_null() {
        return;
    }
    if store.ctx.is_null() {
        // A reply remembers the context it was asked for in, so it must outlive the command at hand.
        store.ctx = api!(RedisModule_GetDetachedThreadSafeContext(ctx));
    }
    store.clear();
    store.fill(&Rc::new(figures));
}

impl Store {
    const NONE: Self = Self {
        ctx: null_mut(),
        about: None,
        all: null_mut(),
        elements: Vec::new(),
        phrases: Vec::new(),
    };

    /// Gives back all that is kept.
    fn clear(&mut self) {
        self.about = None;
        self.elements.clear();
        for written in self.phrases.drain(..).chain([std::mem::replace(&mut self.all, null_mut())])
        {
            if !written.is_null() {
                api!(RedisModule_FreeCallReply(written));
            }
        }
    }

    fn fill(&mut self, about: &Rc<Figures>) {
        self.about = Some(Rc::clone(about));
        self.all = self.written(Wanted { about: Rc::clone(about), phrase: None });
        if !self.all.is_null() {
            let element = |at| api!(RedisModule_CallReplyArrayElement(self.all, at));
            self.elements = (0..about.elements()).map(element).collect();
        }
        for (at, _) in about.phrases().enumerate() {
            let written = self.written(Wanted { about: Rc::clone(about), phrase: Some(at) });
            self.phrases.push(written);
        }
    }

    /// What the server wrote of it; null if it wrote nothing, or anything else.
    fn written(&self, wanted: Wanted) -> Written {
        let mut expected = Protocol(Vec::new());
        wanted.write(&mut expected);
        if let Ok(mut asked) = WANTED.0.try_borrow_mut() {
            *asked = Some(wanted);
        }
        // Any command of ours without a key: it comes to `write` below.
        let written = api!(RedisModule_Call(self.ctx, c"FW.HELP".as_ptr(), c"".as_ptr()));
        take_wanted();
        if !written.is_null() && proto(written) != expected.0 {
            api!(RedisModule_FreeCallReply(written));
            return null_mut();
        }
        written
    }
}

impl Wanted {
    fn write(&self, out: &mut impl Reply) {
        let about = &self.about;
        if let Some(at) = self.phrase {
            return about.phrases().nth(at).into_iter().for_each(|phrase| phrase.write(out));
        }
        out.array(about.elements());
        out.word(DONE);
        TEXTS.iter().for_each(|text| out.bulk(text));
        out.integer(SPAN.0);
        out.integer(about.limit);
        for remaining in (0..about.limit).take(about.elements().saturating_sub(ADMISSIONS_AT)) {
            let units = |count| Units::new(count).unwrap_or_default();
            out.admission(units(about.limit), units(remaining));
        }
    }
}

fn take_wanted() -> Option<Wanted> {
    WANTED.0.try_borrow_mut().ok()?.take()
}

/// The bytes that are handed back.
fn proto<'a>(written: Written) -> &'a [u8] {
    let mut length = 0_usize;
    let start = api!(RedisModule_CallReplyProto(written, &raw mut length));
    if start.is_null() {
        return &[];
    }
    // SAFETY: the server says that so many bytes lie there; they do until the reply is freed.
    unsafe { std::slice::from_raw_parts(start.cast(), length) }
}

/// Writes what is wanted, if the server was asked for it; false if a client has called.
pub(super) fn write(out: &mut impl Reply) -> bool {
    let wanted = take_wanted();
    wanted.iter().for_each(|wanted| wanted.write(out));
    wanted.is_some()
}

/// Replies what is kept, and tells whether it is.
#[inline(always)]
fn hand_back(ctx: Ctx, find: impl FnOnce(&Store) -> Option<&Written>) -> bool {
    let Ok(store) = STORE.0.try_borrow() else { return false };
    let Some(&written) = find(&store) else { return false };
    !written.is_null() && api!(RedisModule_ReplyWithCallReply(ctx, written)) == OK
}

/// Replies a simple string, if it is kept.
#[inline(always)]
pub(super) fn word(ctx: Ctx, word: &CStr) -> bool {
    word == DONE && hand_back(ctx, |store| store.elements.first())
}

/// Replies a bulk string, if it is kept.
#[inline(always)]
pub(super) fn bulk(ctx: Ctx, bytes: &[u8]) -> bool {
    let at = TEXTS.iter().position(|text| *text == bytes);
    at.is_some_and(|at| hand_back(ctx, |store| store.elements.get(at.checked_add(1)?)))
}

/// Replies an integer, if it is kept.
#[inline(always)]
pub(super) fn integer(ctx: Ctx, number: i64) -> bool {
    hand_back(ctx, |store| match number {
        _ if number == SPAN.0 => store.elements.get(SPAN_AT),
        _ if number == store.about.as_ref()?.limit => store.elements.get(LIMIT_AT),
        _ => None,
    })
}

/// Replies a phrase, if it is kept.
#[inline(always)]
pub(super) fn phrase(ctx: Ctx, phrase: Phrase<'_>) -> bool {
    hand_back(ctx, |store| store.phrases.get(store.about.as_ref()?.place(phrase)?))
}

/// Replies all that is said of a plain admission, if it is kept.
#[inline(always)]
pub(super) fn admission(ctx: Ctx, limit: Units, remaining: Units) -> bool {
    hand_back(ctx, |store| {
        let at = usize::try_from(remaining.count()).ok();
        let at = at.filter(|_| store.about.as_ref().is_some_and(|a| a.limit == limit.count()))?;
        store.elements.get(at.checked_add(ADMISSIONS_AT)?)
    })
}

/// A reply as the protocol has it.
struct Protocol(Vec<u8>);

impl Protocol {
    fn line(&mut self, kind: u8, text: &[u8]) {
        self.0.push(kind);
        self.0.extend([text, b"\r\n"].concat());
    }
}

impl Reply for Protocol {
    fn array(&mut self, elements: usize) {
        self.line(b'*', elements.to_string().as_bytes());
    }

    fn map(&mut self, pairs: usize) {
        self.array(pairs.saturating_mul(2));
    }

    fn word(&mut self, word: &'static CStr) {
        self.line(b'+', word.to_bytes());
    }

    fn bulk(&mut self, bytes: &[u8]) {
        self.line(b'$', bytes.len().to_string().as_bytes());
        self.0.extend([bytes, b"\r\n"].concat());
    }

    fn integer(&mut self, number: i64) {
        self.line(b':', number.to_string().as_bytes());
    }

    fn null(&mut self) {
        self.line(b'$', b"-1");
    }
}
