use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;

use crate::error::Result;

/// Items of a page, and the token of the next one; empty at the end.
type Page<T> = (Vec<T>, String);
type Fetched<T> = Pin<Box<dyn Future<Output = Result<Page<T>>> + Send>>;

/// A list whose pages are fetched as they are needed.
pub struct Pages<T> {
    fetch: Box<dyn Fn(String) -> Fetched<T> + Send>,
    items: VecDeque<T>,
    /// Of the next page; `None` after the last.
    token: Option<String>,
}

impl<T> Pages<T> {
    pub(crate) fn new<F>(fetch: impl Fn(String) -> F + Send + 'static) -> Pages<T>
    where
        F: Future<Output = Result<Page<T>>> + Send + 'static,
    {
        let fetch = Box::new(move |token| -> Fetched<T> { Box::pin(fetch(token)) });
        Pages { fetch, items: VecDeque::new(), token: Some(String::new()) }
    }

    /// The next item; `None` at the end.
    ///
    /// # Errors
    /// What the call that fetches a page answers.
    pub async fn next(&mut self) -> Result<Option<T>> {
        loop {
            if let Some(item) = self.items.pop_front() {
                return Ok(Some(item));
            }
            let Some(token) = self.token.clone() else { return Ok(None) };
            let (items, next) = (self.fetch)(token).await?;
            self.items = items.into();
            self.token = (!next.is_empty()).then_some(next);
        }
    }

    /// The items that are left, at most so many.
    ///
    /// # Errors
    /// What the call that fetches a page answers.
    pub async fn take(mut self, items_max: usize) -> Result<Vec<T>> {
        let mut items = Vec::new();
        while items.len() < items_max {
            let Some(item) = self.next().await? else { break };
            items.push(item);
        }
        Ok(items)
    }
}
