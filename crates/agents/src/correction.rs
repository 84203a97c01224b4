use serde::{Deserialize, Serialize};

use crate::Spot;

/// The longest run of words that a reply may have in common with the feedback that it was written with.
const MOST_SHARED_WORDS: usize = 7;

/// A question that is asked again with a supervisor's feedback.
///
/// A strategy is a function of the replies it gets, so a correction needs no more than this: run the strategy again.
/// Questions before this one are the same and are answered from the record; this one is another question; those behind
/// it change by themselves wherever its reply plays a part.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Correction {
    /// Which question.
    pub spot: Spot,
    /// What the supervisor says about the last reply to it.
    pub feedback: String,
}

impl Correction {
    /// The corrections of the next round: these and a new one.
    ///
    /// Feedback on the same question adds up, because the reply that the supervisor read had already heeded what came
    /// before: asked without it, the agent would fall back. Corrections behind the new one are dropped: they speak of
    /// work that is done again.
    pub fn adopt(corrections: &[Correction], new: Correction) -> Vec<Correction> {
        let kept = corrections
            .iter()
            .filter(|old| !new.spot.is_upstream_of(&old.spot));
        kept.cloned().chain([new.clone()]).collect()
    }

    /// True when a reply repeats the feedback, more than a few words in a row, or is made of it.
    pub fn is_echoed_in(&self, reply: &str) -> bool {
        let feedback = words(&self.feedback);
        let reply = words(reply);
        let n = feedback.len().min(MOST_SHARED_WORDS + 1);
        // A few words are said by chance.
        n > MOST_SHARED_WORDS / 2
            && feedback
                .windows(n)
                .any(|part| reply.windows(n).any(|other| other == part))
    }
}

/// The words of a text, without regard to case and punctuation.
fn words(text: &str) -> Vec<String> {
    text.split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect()
}

#[cfg(test)]
mod tests;
