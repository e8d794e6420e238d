//! The face: what the server sees.
//!
//! Only here is `unsafe`, and only here is the server's API. A command comes in through a
//! trampoline, goes down the one path of `pipeline`, and no panic leaves it.

/// A place where a test can ask for a panic; there is nothing there but in a debug build.
macro_rules! fault {
    ($place:literal) => {
        #[cfg(debug_assertions)]
        crate::module::fault::pass($place);
    };
}

mod ahead;
mod allocator;
mod ffi;

#[cfg(debug_assertions)]
mod fault;

mod clock;
mod prepared;
mod reply;
mod telemetry;
mod warnings;

mod state;
mod stored;

mod keys;

mod datatype;
mod events;

mod propagate;
mod settings;
mod watch;

mod pipeline;

mod describe;

mod load;
