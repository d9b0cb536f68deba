//! Protocols of command and reply lines (SMTP, IMAP, POP3, FTP): in the clear from the first line on, watched for credentials and for an
//! upgrade to TLS, after which both ends are probed afresh.

use serde::{Deserialize, Serialize};

use super::{Inspector, Progress, Seen, saved};
use crate::fact::{Cleartext, End, Fact, Finish};
use crate::limits;

/// What is particular to one of them. Lines are given without their end, the commands in upper case.
pub(super) struct Dialect {
    pub(super) name: &'static str,
    /// Whether a command carries credentials.
    pub(super) credentials: fn(&[u8]) -> bool,
    /// Whether a command asks for TLS.
    pub(super) upgrade: fn(&[u8]) -> bool,
    /// Whether a reply grants it.
    pub(super) granted: fn(&[u8]) -> bool,
}

/// Every dialect, so that a saved state finds its own.
const DIALECTS: &[&Dialect] = &[&super::smtp::DIALECT, &super::imap::DIALECT, &super::pop3::DIALECT, &super::ftp::DIALECT];

#[derive(Serialize, Deserialize)]
pub(super) struct Lines {
    dialect: usize,
    /// The end that greeted, which is the responder.
    greeter: Option<End>,
    /// TLS was asked for and not answered yet.
    upgrading: bool,
    credentials: bool,
    read: usize,
}

impl Lines {
    pub(super) fn open(dialect: &'static Dialect) -> Box<dyn Inspector> {
        let dialect = DIALECTS.iter().position(|known| known.name == dialect.name).unwrap_or_default();
        Box::new(Self { dialect, greeter: None, upgrading: false, credentials: false, read: 0 })
    }

    fn line(&mut self, end: End, line: &[u8], seen: &mut Seen<'_>) -> bool {
        let Some(dialect) = DIALECTS.get(self.dialect) else { return false };
        if self.greeter == Some(end) {
            return std::mem::take(&mut self.upgrading) && (dialect.granted)(line);
        }
        let command = line.to_ascii_uppercase();
        if !self.credentials && (dialect.credentials)(&command) {
            self.credentials = true;
            seen.say(Fact::Credentials);
        }
        self.upgrading |= (dialect.upgrade)(&command);
        false
    }
}

impl Inspector for Lines {
    fn data(&mut self, end: End, bytes: &[u8], seen: &mut Seen<'_>) -> Progress {
        if self.greeter.is_none() {
            self.greeter = Some(end);
            seen.say(Fact::Opener(!end));
            seen.say(Fact::Cleartext(Cleartext::Protocol));
        }
        let mut used = 0;
        while let Some(length) = bytes[used..].iter().position(|&byte| byte == b'\n') {
            let line = bytes[used..used + length].trim_ascii_end();
            used += length + 1;
            if self.line(end, line, seen) {
                return Progress::Handover(used);
            }
        }
        if bytes.len() - used > limits::LINE_BYTES {
            used = bytes.len();
        }
        self.read += used;
        if self.read > limits::LINES_BYTES { Progress::Settled } else { Progress::Used(used) }
    }

    fn gap(&mut self, _: End, _: u64, _: &mut Seen<'_>) -> Progress {
        Progress::Settled
    }

    fn finish(&mut self, _: End, _: Finish, _: &mut Seen<'_>) {}

    fn save(&self, out: &mut Vec<u8>) {
        saved::save(self, out);
    }
}

/// Whether a greeting begins with one of these, told over as few bytes as there are: more may be needed.
pub(super) fn begins(bytes: &[u8], starts: &[&[u8]]) -> super::Probe {
    use super::Probe;
    let answer = |start: &&[u8]| {
        let common = bytes.len().min(start.len());
        match bytes[..common].eq_ignore_ascii_case(&start[..common]) {
            true if common == start.len() => Probe::Yes,
            true => Probe::Maybe,
            false => Probe::No,
        }
    };
    let answers: Vec<Probe> = starts.iter().map(answer).collect();
    [Probe::Yes, Probe::Maybe].into_iter().find(|probe| answers.contains(probe)).unwrap_or(Probe::No)
}

/// Whether the greeting line holds one of these words, once it is whole.
pub(super) fn greeting_says(bytes: &[u8], words: &[&[u8]]) -> bool {
    let line = bytes.split(|&byte| byte == b'\n').next().unwrap_or_default().to_ascii_uppercase();
    words.iter().any(|word| line.windows(word.len()).any(|window| window == *word))
}
