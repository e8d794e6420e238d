//! What the server is told of a command beyond its name: documentation, keys, ACL categories.
//!
//! It is what `COMMAND DOCS`, `redis-cli`'s hints, ACL rules and cluster clients go by, and is read
//! from the command's [`Doc`]. The server copies all of it, so nothing here outlives the call.

use std::ffi::{CStr, CString, c_char, c_int};

use redis_module::raw;

use super::ffi::{Ctx, OK, api, c_text, warn};
use crate::command::Doc;
use crate::command::grammar::{Argument, Kind, arguments, arity};

/// What the server is told of a kind of commands.
pub(super) struct Traits {
    /// The server's flags.
    pub flags: &'static CStr,
    /// What it does with its key; `None` if it has none.
    pub key: Option<u32>,
    /// The ACL categories that it is in, besides `@fw`.
    pub categories: &'static str,
}

/// The version of the descriptions, and the sizes of their parts.
static VERSION: raw::RedisModuleCommandInfoVersion = raw::RedisModuleCommandInfoVersion {
    version: 1,
    sizeof_historyentry: size_of::<raw::RedisModuleCommandHistoryEntry>(),
    sizeof_keyspec: size_of::<raw::RedisModuleCommandKeySpec>(),
    sizeof_arg: size_of::<raw::RedisModuleCommandArg>(),
};

/// The category that all commands of the module are in, where a module can add one.
#[derive(Clone, Copy)]
pub(super) enum Category {
    /// The server has it.
    Added,
    /// It has not: commands are granted by name or by the server's own categories.
    Lacking,
}

impl Category {
    /// Adds it. That it cannot be added is no reason not to load: grants by name work all the same.
    pub(super) fn add(ctx: Ctx) -> Self {
        /// A server that unloads a module may keep its category, for when it is loaded again.
        const THERE_ALREADY: i32 = 16;
        // SAFETY: a plain read of a pointer that is written once, at loading.
        let Some(add) = (unsafe { raw::RedisModule_AddACLCategory }) else { return Self::Lacking };
        // SAFETY: the server has the function, and copies the name.
        let added = unsafe { add(ctx, c"fw".as_ptr()) } == OK;
        if added || std::io::Error::last_os_error().raw_os_error() == Some(THERE_ALREADY) {
            return Self::Added;
        }
        warn(ctx, "the ACL category @fw could not be added; grant commands by name");
        Self::Lacking
    }
}

/// Says what there is to say of a command; false if the server does not take it.
pub(super) fn describe(ctx: Ctx, doc: &Doc, traits: &Traits, category: Category) -> bool {
    let name = c_text(doc.name);
    let command = api!(RedisModule_GetCommand(ctx, name.as_ptr()));
    !command.is_null()
        && document(command, doc, traits)
        && categorize(command, traits.categories, category)
}

fn document(command: *mut raw::RedisModuleCommand, doc: &Doc, traits: &Traits) -> bool {
    let mut lent = Lent::default();
    let tree = arguments(doc.usage);
    let mut keys = [no_key(), no_key()];
    let [key, _end] = &mut keys;
    if let Some(flags) = traits.key {
        key.flags = u64::from(flags);
        key.begin_search_type = raw::RedisModuleKeySpecBeginSearchType_REDISMODULE_KSPEC_BS_INDEX;
        key.bs.index.pos = 1;
    }
    // Time passes, so what reads an account can differ from one moment to the next.
    let tips = traits.key.map(|_| c"nondeterministic_output");
    let info = raw::RedisModuleCommandInfo {
        version: &raw const VERSION,
        summary: lent.text(doc.summary),
        complexity: lent.text(doc.complexity),
        since: lent.text(doc.since),
        history: std::ptr::null_mut(),
        tips: tips.map_or(std::ptr::null(), CStr::as_ptr),
        arity: arity(&tree),
        key_specs: if traits.key.is_some() { keys.as_mut_ptr() } else { std::ptr::null_mut() },
        args: lent.rows(doc, &tree),
    };
    api!(RedisModule_SetCommandInfo(command, &raw const info)) == OK
}

fn categorize(command: *mut raw::RedisModuleCommand, own: &str, category: Category) -> bool {
    // SAFETY: a plain read of a pointer that is written once, at loading.
    let Some(set) = (unsafe { raw::RedisModule_SetCommandACLCategories }) else { return true };
    let all = match category {
        Category::Added => c_text(&format!("{own} fw")),
        Category::Lacking => c_text(own),
    };
    // SAFETY: the server has the function, and copies the text.
    unsafe { set(command, all.as_ptr()) == OK }
}

/// Texts and rows that are lent to the server for a call.
#[derive(Default)]
struct Lent {
    texts: Vec<CString>,
    rows: Vec<Vec<raw::RedisModuleCommandArg>>,
}

impl Lent {
    fn text(&mut self, text: &str) -> *const c_char {
        let text = c_text(text);
        let start = text.as_ptr();
        self.texts.push(text);
        start
    }

    fn some_text(&mut self, text: Option<&str>) -> *const c_char {
        text.map_or(std::ptr::null(), |text| self.text(text))
    }

    /// Rows with one at their end that says so; null for none.
    fn rows(&mut self, doc: &Doc, arguments: &[Argument]) -> *mut raw::RedisModuleCommandArg {
        if arguments.is_empty() {
            return std::ptr::null_mut();
        }
        let mut rows: Vec<_> = arguments.iter().map(|argument| self.row(doc, argument)).collect();
        rows.push(END);
        let start = rows.as_mut_ptr();
        self.rows.push(rows);
        start
    }

    fn row(&mut self, doc: &Doc, argument: &Argument) -> raw::RedisModuleCommandArg {
        let parts: &[Argument] = match &argument.kind {
            Kind::OneOf(parts) | Kind::Block(parts) => parts,
            _ => &[],
        };
        let place = Some(argument.place).filter(|place| !place.is_empty());
        raw::RedisModuleCommandArg {
            name: self.text(&argument.name),
            type_: type_of(&argument.kind),
            key_spec_index: if argument.kind == Kind::Key { 0 } else { -1 },
            token: self.some_text(argument.token),
            summary: self.some_text(doc.meaning(argument)),
            flags: flags_of(argument),
            subargs: self.rows(doc, parts),
            display_text: self.some_text(place),
            ..END
        }
    }
}

const END: raw::RedisModuleCommandArg = raw::RedisModuleCommandArg {
    name: std::ptr::null(),
    type_: raw::RedisModuleCommandArgType_REDISMODULE_ARG_TYPE_STRING,
    key_spec_index: 0,
    token: std::ptr::null(),
    summary: std::ptr::null(),
    since: std::ptr::null(),
    flags: 0,
    deprecated_since: std::ptr::null(),
    subargs: std::ptr::null_mut(),
    display_text: std::ptr::null(),
};

fn type_of(kind: &Kind) -> raw::RedisModuleCommandArgType {
    match kind {
        Kind::Key => raw::RedisModuleCommandArgType_REDISMODULE_ARG_TYPE_KEY,
        Kind::Text => raw::RedisModuleCommandArgType_REDISMODULE_ARG_TYPE_STRING,
        Kind::Integer => raw::RedisModuleCommandArgType_REDISMODULE_ARG_TYPE_INTEGER,
        Kind::Time => raw::RedisModuleCommandArgType_REDISMODULE_ARG_TYPE_UNIX_TIME,
        Kind::Token => raw::RedisModuleCommandArgType_REDISMODULE_ARG_TYPE_PURE_TOKEN,
        Kind::OneOf(_) => raw::RedisModuleCommandArgType_REDISMODULE_ARG_TYPE_ONEOF,
        Kind::Block(_) => raw::RedisModuleCommandArgType_REDISMODULE_ARG_TYPE_BLOCK,
    }
}

fn flags_of(argument: &Argument) -> c_int {
    let optional =
        if argument.occurs.is_optional() { raw::REDISMODULE_CMD_ARG_OPTIONAL } else { 0 };
    let multiple =
        if argument.occurs.is_multiple() { raw::REDISMODULE_CMD_ARG_MULTIPLE } else { 0 };
    (optional | multiple).cast_signed()
}

/// What ends a list of keys.
const fn no_key() -> raw::RedisModuleCommandKeySpec {
    // SAFETY: numbers, and a pointer that may be null.
    unsafe { std::mem::zeroed() }
}
