//! Protocols of command and reply lines (SMTP, IMAP, POP3, FTP, ...): in the clear from the first line on, and watched for an upgrade to
//! TLS, after which only TLS is taken.
//!
//! Greetings and the commands that lead to the upgrade are a prologue, as long as they have the form that the protocol gives them and are few;
//! any other command is content in the clear, and so is an answer that has no such form. Which reply answers
//! the command that asks for TLS is counted, so that it does not matter how a tap has merged the two directions. Commands behind the
//! one that asks, which a careless server obeys as if they had come inside TLS (CVE-2011-0411), are said once the upgrade is agreed on;
//! text behind the agreement is the driver's to find.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::{Inspector, Opening, Probe, Progress, Seen, saved, tls};
use crate::fact::{Cleartext, End, Fact, Finish, Upgrade};
use crate::limits;

/// What is particular to one of them. Lines are given without their end, commands in upper case.
pub(super) struct Dialect {
    pub(super) name: &'static str,
    /// Whether the flow's first bytes are the responder's.
    pub(super) greets: fn(&[u8]) -> bool,
    /// What ends a line.
    pub(super) ends_with: u8,
    /// Where every command has one reply that [`Dialect::reply`] finds: the number of the first, which is 0 where the greeting is one.
    /// Elsewhere only what is said about the upgrade is a reply.
    pub(super) first_reply: Option<u32>,
    pub(super) command: fn(&[u8]) -> Command,
    pub(super) reply: fn(&[u8]) -> Reply,
}

/// What a command is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Command {
    /// Part of what may precede an upgrade.
    Prologue,
    /// It asks for TLS.
    Upgrade,
    /// It carries credentials.
    Credentials,
    /// Anything else.
    Content,
    /// No command at all.
    Nothing,
}

/// What a line of the responder says.
#[derive(Clone, Copy, Default)]
pub(super) struct Reply {
    /// It ends the reply to a command, and grants TLS if it was that which was asked for.
    pub(super) grants: Option<bool>,
    /// It says that TLS can be had.
    pub(super) offers: bool,
    pub(super) form: Form,
}

/// Where a line of the responder has its place.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Form {
    /// By itself, or as the last of several.
    #[default]
    Whole,
    /// Ahead of others of the same reply.
    Begins,
    /// Within a reply of several lines.
    Inside,
    /// Nowhere.
    Odd,
}

/// Every dialect, so that a saved state finds its own.
const DIALECTS: &[&Dialect] = &[
    &super::smtp::DIALECT,
    &super::imap::DIALECT,
    &super::pop3::DIALECT,
    &super::ftp::DIALECT,
    &super::nntp::DIALECT,
    &super::sieve::DIALECT,
    &super::irc::DIALECT,
    &super::xmpp::DIALECT,
];

/// Replies that may be seen ahead of their commands.
const AHEAD: usize = 64;

#[derive(Serialize, Deserialize)]
pub(super) struct Lines {
    dialect: usize,
    responder: Option<End>,
    /// Commands seen, from 1.
    commands: u32,
    /// The number of the command that the next reply answers; the greeting answers 0.
    replies: u32,
    /// Whether the replies to commands that were not seen yet grant.
    ahead: VecDeque<bool>,
    /// The command that asks for TLS and was not answered yet.
    asked: Option<u32>,
    /// Commands were said behind it.
    is_followed: bool,
    agreed: bool,
    refused: bool,
    is_offered: bool,
    /// A reply of several lines has begun.
    within: bool,
    said: bool,
    credentials: bool,
    /// Bytes of a ClientHello wait for the agreement.
    hello_waits: bool,
    /// Ends whose last bytes are no whole line.
    partial: [bool; 2],
    finished: [bool; 2],
    /// What the responder said ahead can be read on.
    unblocked: bool,
    /// Bytes read of each end.
    read: [usize; 2],
}

impl Lines {
    pub(super) fn open(dialect: &'static Dialect) -> Box<dyn Inspector> {
        let place = DIALECTS.iter().position(|known| known.name == dialect.name).unwrap_or_default();
        Box::new(Self {
            dialect: place,
            responder: None,
            commands: 0,
            replies: dialect.first_reply.unwrap_or_default(),
            ahead: VecDeque::new(),
            asked: None,
            is_followed: false,
            agreed: false,
            refused: false,
            is_offered: false,
            within: false,
            said: false,
            credentials: false,
            hello_waits: false,
            partial: [false; 2],
            finished: [false; 2],
            unblocked: false,
            read: [0; 2],
        })
    }

    /// Says that what is said is no prologue, or no more.
    fn cleartext(&mut self, seen: &mut Seen<'_>) {
        if !std::mem::replace(&mut self.said, true) {
            seen.say(Fact::Cleartext(Cleartext::Protocol));
        }
    }

    fn command(&mut self, dialect: &Dialect, line: &[u8], seen: &mut Seen<'_>) {
        let command = (dialect.command)(&line.to_ascii_uppercase());
        if command == Command::Nothing {
            return;
        }
        self.commands = self.commands.saturating_add(1);
        self.is_followed |= self.asked.is_some();
        // where replies are not counted, one waits for the command that it is about
        let answer = if dialect.first_reply.is_some() || command == Command::Upgrade { self.ahead.pop_front() } else { None };
        self.unblocked |= answer.is_some();
        match command {
            Command::Prologue | Command::Nothing => {}
            Command::Upgrade => {
                seen.say(Fact::Upgrade(Upgrade::Asked));
                self.asked = Some(self.commands);
                self.is_followed = false;
                if let Some(grants) = answer {
                    self.answer(grants, seen);
                }
            }
            Command::Credentials => {
                if !std::mem::replace(&mut self.credentials, true) {
                    seen.say(Fact::Credentials);
                }
                self.cleartext(seen);
            }
            Command::Content => self.cleartext(seen),
        }
    }

    fn reply(&mut self, dialect: &Dialect, line: &[u8], seen: &mut Seen<'_>) {
        let reply = (dialect.reply)(line);
        match reply.form {
            Form::Whole => self.within = false,
            Form::Begins => self.within = true,
            Form::Inside if self.within => {}
            Form::Inside | Form::Odd => self.cleartext(seen),
        }
        if reply.offers && !std::mem::replace(&mut self.is_offered, true) {
            seen.say(Fact::Upgrade(Upgrade::Offered));
        }
        let Some(grants) = reply.grants else { return };
        let answers = self.replies;
        let counts = dialect.first_reply.is_some();
        self.replies = self.replies.saturating_add(u32::from(counts));
        let is_ahead = if counts { answers > self.commands } else { grants };
        if self.asked.is_some_and(|asked| !counts || asked == answers) {
            self.answer(grants, seen);
        } else if is_ahead && self.ahead.len() < AHEAD {
            self.ahead.push_back(grants);
        }
    }

    /// The upgrade that was asked for was answered.
    fn answer(&mut self, grants: bool, seen: &mut Seen<'_>) {
        self.asked = None;
        self.agreed = grants;
        self.refused |= !grants;
        seen.say(Fact::Upgrade(if grants { Upgrade::Agreed } else { Upgrade::Refused }));
        if grants && self.is_followed {
            seen.say(Fact::Cleartext(Cleartext::BehindUpgrade));
        }
    }

    /// A TLS record where a line is due. Returns whether TLS begins; where not, it waits.
    fn record(&mut self, by_responder: bool, seen: &mut Seen<'_>) -> bool {
        let awaits = self.asked.is_some() && !self.agreed;
        let begins = if by_responder {
            // the other end's hello, or what it asked, may be captured late
            self.hello_waits
        } else {
            self.hello_waits = awaits;
            !awaits
        };
        if begins {
            seen.say(Fact::Malformed("TLS began though no upgrade to it was agreed on".to_owned()));
        }
        begins
    }
}

impl Inspector for Lines {
    fn data(&mut self, end: End, bytes: &[u8], seen: &mut Seen<'_>) -> Progress {
        let Some(dialect) = DIALECTS.get(self.dialect) else { return Progress::Settled };
        let responder = match self.responder {
            Some(responder) => responder,
            None => {
                let responder = if (dialect.greets)(bytes) { end } else { !end };
                seen.say(Fact::Opener(!responder));
                seen.say(Fact::Prologue);
                *self.responder.insert(responder)
            }
        };
        let by_responder = responder == end;
        let most = if by_responder { limits::PROLOGUE_ANSWERED_BYTES } else { limits::PROLOGUE_ASKED_BYTES };
        let mut used = 0;
        self.partial[end.index()] = false;
        while let Some(rest) = bytes.get(used..).filter(|rest| !rest.is_empty()) {
            if by_responder && self.ahead.back() == Some(&true) {
                // it may be the agreement: who speaks on is known once the command is
                break;
            }
            if tls::may_begin(rest) {
                if self.record(by_responder, seen) {
                    return Progress::Upgrade(used);
                }
                break;
            }
            let Some(length) = rest.iter().position(|&byte| byte == dialect.ends_with) else {
                self.partial[end.index()] = true;
                if self.read[end.index()] + rest.len() > most {
                    self.cleartext(seen);
                }
                if rest.len() > limits::LINE_BYTES {
                    self.read[end.index()] += rest.len();
                    used = bytes.len();
                }
                break;
            };
            let line = rest[..length].trim_ascii_end();
            used += length + 1;
            self.read[end.index()] += length + 1;
            if self.read[end.index()] > most {
                self.cleartext(seen);
            }
            if by_responder {
                self.reply(dialect, line, seen);
            } else {
                self.command(dialect, line, seen);
            }
            if self.agreed {
                return Progress::Upgrade(used);
            }
        }
        if self.read.iter().sum::<usize>() > limits::LINES_BYTES { Progress::Settled } else { Progress::Used(used) }
    }

    fn gap(&mut self, _: End, _: u64, _: &mut Seen<'_>) -> Progress {
        Progress::Settled
    }

    fn finish(&mut self, end: End, how: Finish, seen: &mut Seen<'_>) {
        self.finished[end.index()] = matches!(how, Finish::Fin | Finish::Reset);
        let Some(responder) = self.responder else { return };
        let has_asked = self.asked.is_some() || self.refused;
        if self.finished[(!responder).index()] && !has_asked || self.finished == [true; 2] && self.partial != [false; 2] {
            self.cleartext(seen);
        }
    }

    fn is_prologue(&self) -> bool {
        !self.said
    }

    fn unblocks(&mut self) -> bool {
        std::mem::take(&mut self.unblocked)
    }

    fn save(&self, out: &mut Vec<u8>) {
        saved::save(self, out);
    }
}

/// Whether a greeting begins with one of these, told over as few bytes as there are: more may be needed.
pub(super) fn begins(bytes: &[u8], starts: &[&[u8]]) -> Probe {
    let first = bytes.first().map(u8::to_ascii_uppercase);
    let answer = |start: &&[u8]| {
        if first != start.first().map(u8::to_ascii_uppercase) && first.is_some() && !start.is_empty() {
            return Probe::No;
        }
        let common = bytes.len().min(start.len());
        match bytes[..common].eq_ignore_ascii_case(&start[..common]) {
            true if common == start.len() => Probe::Yes,
            true => Probe::Maybe,
            false => Probe::No,
        }
    };
    starts.iter().map(answer).fold(Probe::No, |known, answer| match (known, answer) {
        (Probe::Yes, _) | (_, Probe::Yes) => Probe::Yes,
        (Probe::Maybe, _) | (_, Probe::Maybe) => Probe::Maybe,
        _ => Probe::No,
    })
}

/// Whether the greeting line holds one of these words, once it is whole.
pub(super) fn greeting_says(bytes: &[u8], words: &[&[u8]]) -> bool {
    let line = bytes.split(|&byte| byte == b'\n').next().unwrap_or_default().to_ascii_uppercase();
    words.iter().any(|word| holds(&line, word))
}

/// What an opening is that begins with a greeting: known by a word of it, or by a command that answers it.
pub(super) fn greeted(opening: &Opening<'_>, starts: &[&[u8]], words: &[&[u8]], commands: &[&[u8]]) -> Probe {
    match begins(opening.first, starts) {
        Probe::Yes if greeting_says(opening.first, words) => Probe::Yes,
        Probe::Yes if opening.second.is_empty() || !opening.first.contains(&b'\n') => Probe::Maybe,
        Probe::Yes => begins(opening.second, commands),
        Probe::Maybe => Probe::Maybe,
        Probe::No => ahead_of_greeting(opening, commands),
    }
}

/// What an opening is that may be the first commands of a client, captured a moment ahead of the greeting that they answer.
pub(super) fn ahead_of_greeting(opening: &Opening<'_>, commands: &[&[u8]]) -> Probe {
    let waits = opening.second.is_empty() && opening.first.len() < limits::AHEAD_OF_GREETING_BYTES;
    if waits && begins(opening.first, commands) != Probe::No { Probe::Maybe } else { Probe::No }
}

/// Whether `part` stands somewhere in `bytes`.
pub(super) fn holds(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

/// The first word of a line.
pub(super) fn verb(line: &[u8]) -> &[u8] {
    line.split(|&byte| byte == b' ').next().unwrap_or_default()
}

/// What a command is that consists of one word: whatever stands behind it is content.
pub(super) fn bare(line: &[u8], command: Command) -> Command {
    if line.contains(&b' ') { Command::Content } else { command }
}

/// Whether this is how a host is called, or its address is written: 255 bytes at most (RFC 5321 section 4.5.3.1.2), and no words.
pub(super) fn is_host(word: &[u8]) -> bool {
    let is_of_host = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._:[]".contains(byte);
    (1..=255).contains(&word.len()) && word.iter().all(is_of_host)
}

/// Where a line has its place that lists a capability, or ends the list.
pub(super) fn of_list(line: &[u8]) -> Form {
    let is_of_label = |byte: &u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || b"-=._".contains(byte);
    match verb(line) {
        b"." => Form::Whole,
        label if !label.is_empty() && label.iter().all(is_of_label) => Form::Inside,
        _ => Form::Odd,
    }
}

/// Where a line has its place that has a code, or none.
pub(super) fn of_code(code: Option<(&[u8], bool)>) -> Form {
    code.map_or(Form::Inside, |(_, ends)| if ends { Form::Whole } else { Form::Begins })
}

/// The code of a reply of three digits, and whether the line ends it.
pub(super) fn code(line: &[u8]) -> Option<(&[u8], bool)> {
    let (code, rest) = line.split_at_checked(3).filter(|(code, _)| code.iter().all(u8::is_ascii_digit))?;
    match rest.first() {
        None | Some(b' ') => Some((code, true)),
        Some(b'-') => Some((code, false)),
        Some(_) => None,
    }
}

/// Whether these are the lines of a client of which the server's greeting is still to come: little text, and perhaps the TLS that it led to.
pub(super) fn may_answer_a_greeting(bytes: &[u8]) -> bool {
    let is_text = |byte: &u8| matches!(byte, b'\t' | b'\r' | b'\n' | b' '..=b'~');
    let (text, rest) = bytes.split_at(bytes.iter().take_while(|byte| is_text(byte)).count());
    let leads_on = rest.is_empty() || text.ends_with(b"\n") && tls::may_begin(rest);
    text.len() <= limits::TEXT_AHEAD_BYTES && text.first().is_some_and(u8::is_ascii_alphanumeric) && leads_on
}

#[cfg(test)]
mod tests;
