//! Memory: the server's allocator, so that INFO and maxmemory count what accounts take.
//!
//! Before the server's API is known, and in tests and benches without a server, the system's
//! allocator serves. Nothing allocated before loading is freed after it.

use std::alloc::{GlobalAlloc, Layout, System};

use redis_module::raw;

/// The server's allocator once it is known, else the system's.
struct ServerAlloc;

#[global_allocator]
static ALLOCATOR: ServerAlloc = ServerAlloc;

/// What the server's allocator aligns to.
const ALIGNED: usize = 16;

#[allow(clippy::undocumented_unsafe_blocks, reason = "one argument, given here, holds for all")]
// SAFETY: a block is freed by the allocator that gave it: the server's functions are set once, at
// loading, before this library allocates. The server aligns a size that is a multiple of 16 to 16
// bytes; nothing of ours needs more, and a layout that does is refused.
unsafe impl GlobalAlloc for ServerAlloc {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        match unsafe { raw::RedisModule_Alloc } {
            None => unsafe { System.alloc(layout) },
            Some(_) if layout.align() > ALIGNED => std::ptr::null_mut(),
            Some(alloc) => unsafe { alloc(layout.pad_to_align().size()).cast() },
        }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        match unsafe { raw::RedisModule_Free } {
            None => unsafe { System.dealloc(block, layout) },
            Some(free) => unsafe { free(block.cast()) },
        }
    }
}
