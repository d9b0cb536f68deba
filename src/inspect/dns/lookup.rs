//! A question and its answer, read without an inspector: where nothing but these is said, there is nothing to drive. What is said besides
//! makes an [`Inspector`] of it, which goes on from there.

use std::collections::VecDeque;
use std::sync::Arc;

use super::wire::Message;
use super::{Dns, Pending, answered_bytes, chain, resolution};
use crate::fact::{End, Name, Resolution};
use crate::inspect::Inspector;

/// What a name costs beside its text, and what refers to it elsewhere.
const NAME_BYTES: usize = 64;

/// A question, and what it was answered.
#[derive(Debug)]
pub struct Exchange {
    id: u16,
    /// The name asked for.
    pub name: Name,
    /// The type asked for.
    pub qtype: u16,
    /// The answer.
    pub answer: Option<Arc<Resolution>>,
}

impl Exchange {
    /// Reads a datagram that is one question and nothing besides, of which an inspector would say no more than that.
    #[must_use]
    pub fn ask(bytes: &[u8]) -> Option<Self> {
        let message = plain(bytes)?;
        let [question] = message.questions[..] else { return None };
        let is_question = !message.response && message.answers.is_empty();
        is_question.then(|| Self { id: message.id, name: question.name.to_name(), qtype: question.qtype, answer: None })
    }

    /// Reads a datagram of who was asked, which is the first answer to the question and nothing besides.
    pub fn answer(&mut self, bytes: &[u8]) -> Option<&Arc<Resolution>> {
        let message = plain(bytes).filter(|_| self.answer.is_none())?;
        let [question] = message.questions[..] else { return None };
        let fits = message.response && message.id == self.id && question.qtype == self.qtype && question.name.is_called(&self.name);
        if !fits {
            return None;
        }
        let answers = chain(&question, &message);
        Some(self.answer.insert(Arc::new(resolution(self.name.clone(), self.qtype, &message, answers))))
    }

    /// Bytes of memory that it holds on the heap, roughly.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        let answer = |answer: &Arc<Resolution>| size_of::<Resolution>() + answered_bytes(answer);
        NAME_BYTES + self.name.as_str().len() + self.answer.as_ref().map_or(0, answer)
    }

    /// The inspector that has read so much.
    #[must_use]
    pub fn into_inspector(self, asker: End) -> Box<dyn Inspector> {
        let Self { id, name, qtype, answer } = self;
        let answered = u32::from(answer.is_some());
        let pending = Pending { asked_by: asker, id, name, qtype, asked: 1, answered, answer };
        Box::new(Dns { asker: Some(asker), pending: VecDeque::from([pending]), ..Dns::new(false) })
    }
}

/// A message that is sound, and of which there is nothing odd to say.
fn plain(bytes: &[u8]) -> Option<Message<'_>> {
    Message::read(bytes)
        .filter(|message| message.is_sound() && !message.broken && !message.bad_data && message.trailing == 0 && !message.is_laden())
}
