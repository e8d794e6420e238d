//! The face: what the server sees.
