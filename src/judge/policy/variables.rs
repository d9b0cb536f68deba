//! What a policy leaves open: `[variables]` with their values, which stand in its strings as `${name}`.
//!
//! A file has the variables that it declares, and no others. The command line's value for one (`--set`) holds over that of a file that
//! extends it, and that over its own; one that is declared as `""` must be given a value. Values are put into strings that TOML has
//! already read, so that none can bring a key of its own.

use std::collections::BTreeMap;
use std::ops::Range;

use toml::de::{DeTable, DeValue};

use super::errors::{Mistake, Page, nearest};

/// Values by the names of their variables.
pub(super) type Values = BTreeMap<String, String>;

/// The variables of one file.
#[derive(Debug, Default)]
pub(super) struct Variables {
    values: Values,
    /// Where each is declared.
    places: Vec<(String, Range<usize>)>,
}

impl Variables {
    /// Takes the table out of a document; `outer` are the values that hold over the file's own.
    pub fn take(document: &mut DeTable<'_>, outer: &Values, page: &Page, mistakes: &mut Vec<Mistake>) -> Self {
        let Some((_, table)) = document.remove_entry("variables") else { return Self::default() };
        let mut blame = |span: Range<usize>, message: String, help: String| mistakes.push(Mistake::at(page, span, message, Some(help)));
        let span = table.span();
        let DeValue::Table(table) = table.into_inner() else {
            blame(span, "`variables` takes a table".to_owned(), "write [variables] on a line of its own".to_owned());
            return Self::default();
        };
        let (mut values, mut places) = (Values::new(), Vec::new());
        for (name, value) in table {
            places.push((name.get_ref().to_string(), name.span()));
            let span = value.span();
            let DeValue::String(own) = value.into_inner() else {
                blame(span, format!("`{}` takes a string", name.get_ref().escape_debug()), "write its value in quotes".to_owned());
                continue;
            };
            let name = name.get_ref().to_string();
            let value = outer.get(&name).cloned().unwrap_or_else(|| own.into_owned());
            if value.is_empty() {
                let help = format!("give it one: --set {name}=..., or [variables] {name} = \"...\" in a policy that extends this one");
                blame(span, format!("the variable `{}` has no value", name.escape_debug()), help);
            }
            values.insert(name, value);
        }
        Self { values, places }
    }

    /// Where each is declared.
    pub fn places(&self) -> &[(String, Range<usize>)] {
        &self.places
    }

    /// The values in force.
    pub fn values(&self) -> &Values {
        &self.values
    }

    /// A string with the values in the places of their names; `$${` is `${`. `None` where it has none of either.
    ///
    /// # Errors
    /// What is wrong with it, and how it is mended.
    pub fn fill(&self, text: &str) -> Result<Option<String>, (String, Option<String>)> {
        if !text.contains("${") {
            return Ok(None);
        }
        let mut filled = String::new();
        let mut rest = text;
        while let Some((before, behind)) = rest.split_once("${") {
            if let Some(before) = before.strip_suffix('$') {
                filled.push_str(before);
                filled.push_str("${");
                rest = behind;
                continue;
            }
            filled.push_str(before);
            let wrong =
                || ("a variable that does not end".to_owned(), Some("write ${name}, or $${ for the characters themselves".to_owned()));
            let (name, after) = behind.split_once('}').ok_or_else(wrong)?;
            let Some(value) = self.values.get(name) else {
                let near = nearest(name, self.values.keys().map(String::as_str)).map(|near| format!("did you mean `{near}`?"));
                let declare = || format!("declare it: [variables] {} = \"...\"", name.escape_debug());
                return Err((format!("the variable `{}` is not declared", name.escape_debug()), Some(near.unwrap_or_else(declare))));
            };
            filled.push_str(value);
            rest = after;
        }
        filled.push_str(rest);
        Ok(Some(filled))
    }
}

/// A value of the command line: `name=value`.
///
/// # Errors
/// What is wrong with it.
pub fn parse_setting(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("write NAME=VALUE")?;
    if name.is_empty() || value.is_empty() {
        return Err("write NAME=VALUE, with a name and a value".to_owned());
    }
    Ok((name.to_owned(), value.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_stand_for_their_names() {
        let values = [("region", "westeurope"), ("a", "${region}")].map(|(name, value)| (name.to_owned(), value.to_owned()));
        let variables = Variables { values: values.into(), places: Vec::new() };
        let fill = |text| variables.fill(text).unwrap();
        assert_eq!(fill("${region}.his.example").as_deref(), Some("westeurope.his.example"));
        assert_eq!(fill("x${region}${region}y").as_deref(), Some("xwesteuropewesteuropey"));
        assert_eq!(fill("$${region} $ $$${a}").as_deref(), Some("${region} $ $${a}"), "escaped, and never filled twice");
        assert_eq!(fill("plain $ }"), None);
        assert!(variables.fill("${regoin}").unwrap_err().1.unwrap().contains("did you mean `region`?"));
        assert!(variables.fill("${region").is_err() && variables.fill("${}").is_err());
    }
}
