//! `wirewitness schema`: JSON Schemas of the documents and of policy files.

use std::io::{self, Write};

use clap::ValueEnum;
use wirewitness::judge::policy::schema;
use wirewitness::report;

use super::session::protocols;
use super::{Done, Failure};

/// What there is a schema of.
#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Document {
    /// The audit document
    Audit,
    /// A flow record
    Flow,
    /// A policy file, for editors
    Policy,
}

pub(crate) fn print(document: Document) -> Result<Done, Failure> {
    let schema = match document {
        Document::Audit => report::schema::audit(),
        Document::Flow => report::schema::flow(),
        Document::Policy => schema::schema(&protocols()),
    };
    let mut out = io::stdout().lock();
    writeln!(out, "{schema:#}")?;
    out.flush()?;
    Ok(Done::Fine)
}
