//! Draws without replacement from a deck of cards that is shuffled again when it is empty.

use rand::Rng;
use rand::seq::SliceRandom;

/// Cards in random order.
#[derive(Debug, Clone)]
pub(super) struct Deck {
    cards: Vec<usize>,
    /// Cards not yet drawn, the next one last.
    left: Vec<usize>,
}

impl Deck {
    /// A deck of these cards, at least one, which is shuffled at the first draw.
    pub(super) fn new(cards: Vec<usize>) -> Self {
        Self { cards, left: Vec::new() }
    }

    /// Draws `count` cards. A card is repeated only if there are fewer than `count`, and then all are repeated about equally often.
    pub(super) fn draw(&mut self, count: usize, numbers: &mut impl Rng) -> Vec<usize> {
        let mut drawn = Vec::with_capacity(count);
        while drawn.len() < count {
            // A round ends when every card was drawn once; only then can a card be drawn again.
            let round = (count - drawn.len()).min(self.cards.len());
            let start = drawn.len();
            for _ in 0..round {
                let next = self.next_but(&drawn[start..], numbers);
                drawn.push(next);
            }
        }
        drawn
    }

    /// Draws the next card that is not among `taken`, which has fewer cards than the deck.
    fn next_but(&mut self, taken: &[usize], numbers: &mut impl Rng) -> usize {
        loop {
            if let Some(place) = self.left.iter().rposition(|card| !taken.contains(card)) {
                return self.left.remove(place);
            }
            // The skipped cards stay on top, so that all cards are drawn equally often.
            let mut fresh = self.cards.clone();
            fresh.shuffle(numbers);
            fresh.append(&mut self.left);
            self.left = fresh;
        }
    }
}
