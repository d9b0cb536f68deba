//! What the fuzz targets share: captures made from fuzz bytes, and audits that are held against the laws of the design.

pub mod audit;
pub mod bytes;
pub mod capture;
pub mod memory;
pub mod packets;
pub mod says;
