//! JSON Schemas (draft 2020-12) of what is written, made from the types that are written.

use schemars::generate::SchemaSettings;
use serde_json::Value;

use super::flow::FlowLine;
use crate::judge::Audit;

/// Of the audit document.
#[must_use]
pub fn audit() -> Value {
    SchemaSettings::draft2020_12().for_serialize().into_generator().into_root_schema_for::<Audit>().to_value()
}

/// Of a flow record, one line of `flows --json`.
#[must_use]
pub fn flow() -> Value {
    SchemaSettings::draft2020_12().for_serialize().into_generator().into_root_schema_for::<FlowLine<'static>>().to_value()
}
