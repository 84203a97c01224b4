use std::any::Any;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use domain::Digest;

/// How the leader of a flight failed, for those who waited with it.
pub(crate) type SharedError = Arc<dyn Any + Send + Sync>;

/// One seat per question in the air: whoever holds its lock asks, the others wait and then find the answer recorded.
/// When the leader's future is dropped, the lock passes to the next, who asks in its place.
type Seat = tokio::sync::Mutex<Option<SharedError>>;

/// The questions of this process that are in the air.
#[derive(Default)]
pub(crate) struct Flights {
    seats: Mutex<HashMap<Digest, Arc<Seat>>>,
}

/// A place in the queue for one question.
pub(crate) struct Flight<'a> {
    flights: &'a Flights,
    key: &'a Digest,
    pub(crate) seat: Arc<Seat>,
}

impl Flights {
    pub(crate) fn join<'a>(&'a self, key: &'a Digest) -> Flight<'a> {
        let seat = self.lock().entry(key.clone()).or_default().clone();
        Flight {
            flights: self,
            key,
            seat,
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Digest, Arc<Seat>>> {
        self.seats.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Flight<'_> {
    /// Lets those who come from now on start afresh; those who wait already stay together.
    pub(crate) fn retire(&self) {
        let mut seats = self.flights.lock();
        if seats
            .get(self.key)
            .is_some_and(|seat| Arc::ptr_eq(seat, &self.seat))
        {
            seats.remove(self.key);
        }
    }
}

impl Drop for Flight<'_> {
    fn drop(&mut self) {
        let mut seats = self.flights.lock();
        // Two holders are this flight and the map: nobody else waits.
        if Arc::strong_count(&self.seat) == 2
            && seats
                .get(self.key)
                .is_some_and(|seat| Arc::ptr_eq(seat, &self.seat))
        {
            seats.remove(self.key);
        }
    }
}
