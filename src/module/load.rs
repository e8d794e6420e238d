//! Loading: what the server calls once, when it loads the module.

use std::ffi::{CString, c_int};

use redis_module::raw;

use super::describe::{Category, Traits, describe};
use super::ffi::{Ctx, ERR, OK, Str, api, c_text, guarded, missing, warn};
use super::warnings::WARNINGS;
use super::{datatype, pipeline, prepared, settings, state, watch};
use crate::command::{Access, Command, Doc, Keyless, Visitor, own};

/// Valkey 9 moves slots atomically only if every module says it can.
const HANDLE_ATOMIC_SLOT_MIGRATION: u32 = 1 << 5;

/// The server's entry into the module.
///
/// # Safety
/// Called by the server alone, with a context that lives for the call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn RedisModule_OnLoad(ctx: Ctx, _argv: *mut Str, argc: c_int) -> c_int {
    let version = raw::REDISMODULE_APIVER_1.cast_signed();
    // SAFETY: the context is the server's. This fills in the API, and nothing was allocated before.
    if unsafe { raw::Export_RedisModule_Init(ctx, c"fw".as_ptr(), 1, version) } != OK {
        return ERR;
    }
    let body = || match load(ctx, argc) {
        Ok(()) => OK,
        // A server without the log cannot be told more than that it fails.
        // SAFETY: a plain read of a pointer that was just written.
        Err(_) if unsafe { raw::RedisModule_Log }.is_none() => ERR,
        Err(why) => {
            warn(ctx, &format!("fw-limits does not load: {why}"));
            ERR
        }
    };
    guarded(body).unwrap_or(ERR)
}

fn load(ctx: Ctx, arguments: c_int) -> Result<(), String> {
    if let Some(name) = missing() {
        return Err(format!("the server lacks {name}; use 7.0 or newer"));
    }
    if arguments > 0 {
        return Err(
            "it takes no arguments; settings are fw.* in redis.conf or MODULE LOADEX".to_owned()
        );
    }
    log_panics();
    state::begin();
    prepared::begin();
    let options = raw::REDISMODULE_OPTION_NO_IMPLICIT_SIGNAL_MODIFIED
        | raw::REDISMODULE_OPTIONS_HANDLE_IO_ERRORS
        | raw::REDISMODULE_OPTIONS_HANDLE_REPL_ASYNC_LOAD
        | HANDLE_ATOMIC_SLOT_MIGRATION;
    api!(RedisModule_SetModuleOptions(ctx, options.cast_signed()));
    let kind = datatype::register(ctx);
    if kind.is_null() {
        return Err("the server does not take the data type fwaccount".to_owned());
    }
    state::with(|state| state.account_type = kind);
    let mut registrar = Registrar { ctx, category: Category::add(ctx), refused: None };
    crate::command::commands(&mut registrar);
    registrar.create(&own::APPLY, &APPLIES, pipeline::internal::<false>);
    registrar.create(&own::LOAD, &LOADS, pipeline::internal::<true>);
    if let Some(name) = registrar.refused {
        return Err(format!("the server does not take the command {name}"));
    }
    if api!(RedisModule_RegisterInfoFunc(ctx, Some(info))) != OK {
        return Err("the server does not take the INFO section".to_owned());
    }
    #[cfg(debug_assertions)]
    super::fault::register(ctx)?;
    settings::register(ctx)?;
    watch::begin(ctx);
    Ok(())
}

/// Tells the server's log where a panic came from, before it is caught.
fn log_panics() {
    std::panic::set_hook(Box::new(|panic| {
        // Without a context: the panic may be in any callback, on any thread.
        warn(std::ptr::null_mut(), &format!("a fault in the module, please report it: {panic}"));
    }));
}

/// Creates the server's commands from the command table.
struct Registrar {
    ctx: Ctx,
    category: Category,
    refused: Option<&'static str>,
}

const READ_KEY: u32 = raw::REDISMODULE_CMD_KEY_RO | raw::REDISMODULE_CMD_KEY_ACCESS;
const CHANGE_KEY: u32 =
    raw::REDISMODULE_CMD_KEY_RW | raw::REDISMODULE_CMD_KEY_ACCESS | raw::REDISMODULE_CMD_KEY_UPDATE;

const READS: Traits =
    Traits { flags: c"readonly fast", key: Some(READ_KEY), categories: "read fast" };
const READS_ROWS: Traits =
    Traits { flags: c"readonly", key: Some(READ_KEY), categories: "read slow" };
const WRITES: Traits =
    Traits { flags: c"write fast", key: Some(CHANGE_KEY), categories: "write fast" };
const APPLIES: Traits = Traits { categories: "write fast admin dangerous", ..WRITES };
const LOADS: Traits =
    Traits { key: Some(raw::REDISMODULE_CMD_KEY_OW | raw::REDISMODULE_CMD_KEY_UPDATE), ..APPLIES };
// Without the flag `write`: the clock of a replica moves as well.
const MOVES_CLOCK: Traits = Traits { flags: c"fast", key: None, ..APPLIES };

type Trampoline = unsafe extern "C" fn(Ctx, *mut Str, c_int) -> c_int;

impl Registrar {
    fn create(&mut self, doc: &Doc, traits: &Traits, trampoline: Trampoline) {
        let name: CString = c_text(doc.name);
        let key = c_int::from(traits.key.is_some());
        let created = api!(RedisModule_CreateCommand(
            self.ctx,
            name.as_ptr(),
            Some(trampoline),
            traits.flags.as_ptr(),
            key,
            key,
            key
        ));
        if created != OK || !describe(self.ctx, doc, traits, self.category) {
            self.refused.get_or_insert(doc.name);
        }
    }
}

impl Visitor for Registrar {
    fn command<C: Command>(&mut self) {
        let traits = match C::ACCESS {
            Access::Read => READS,
            Access::ReadRows => READS_ROWS,
            Access::Write => WRITES,
        };
        self.create(&C::DOC, &traits, pipeline::command::<C>);
    }

    fn keyless<C: Keyless>(&mut self) {
        let traits = match C::ACCESS {
            Access::Read => Traits { key: None, ..READS },
            Access::ReadRows => Traits { key: None, ..READS_ROWS },
            Access::Write => MOVES_CLOCK,
        };
        self.create(&C::DOC, &traits, pipeline::keyless::<C>);
    }
}

/// What the server calls for INFO.
unsafe extern "C" fn info(out: *mut raw::RedisModuleInfoCtx, _crash: c_int) {
    let body = || {
        fault!("info");
        let seen = state::with(|state| {
            (state.counters.rows(), state.clock.steps, state.warnings.map(u64::from))
        });
        let Some((rows, steps, warnings)) = seen else { return };
        api!(RedisModule_InfoAddSection(out, std::ptr::null()));
        let warnings = WARNINGS.iter().map(|warning| warning.field).zip(warnings);
        for (name, count) in rows.into_iter().chain([(c"clock_steps", steps)]).chain(warnings) {
            api!(RedisModule_InfoAddFieldULongLong(out, name.as_ptr(), count));
        }
    };
    guarded(body);
}
