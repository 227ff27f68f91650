//! How many objects a page of a list has. A page stands in memory several times while it is read, and each costs the
//! server about as much as a look at all keys of the kind, since etcd counts those that remain: so pages grow with
//! the list. It does not know what the objects are for.

use kube::Api;
use kube::api::{ListParams, ObjectList};

use crate::engine::RawObject;

/// Objects of the page by which the others are measured.
const SAMPLE: u32 = 20;

/// Objects of a page where nothing can be measured.
const USUAL: u32 = 500;

/// A list has about so many pages, while they are not too small or too large.
const PAGES: usize = 100;
const LEAST: usize = 100;
const MOST: usize = 5_000;

/// Bytes of a page at most, as far as the sample tells.
const BYTES: usize = 4 << 20;

/// Hands over each object of a list, page by page, and returns the version of the whole; none where it has none. Takes
/// memory for one page.
///
/// # Errors
/// The API server's, also where it forgot the version before the last page was read: then nothing is known.
pub(super) async fn each(
    api: &Api<RawObject>,
    params: ListParams,
    mut take: impl FnMut(&RawObject),
) -> Result<Option<String>, kube::Error> {
    // The first page is the sample.
    let mut params = params.limit(SAMPLE);
    let mut size = None;
    loop {
        let page = api.list(&params).await?;
        for object in &page.items {
            take(object);
        }
        match page.metadata.continue_.as_deref().filter(|token| !token.is_empty()) {
            Some(token) => {
                let size = *size.get_or_insert_with(|| after(&page));
                params = params.limit(size).continue_token(token);
            }
            None => return Ok(page.metadata.resource_version.filter(|version| !version.is_empty())),
        }
    }
}

/// The size of a list's pages, by a page that was read of it.
fn after(page: &ObjectList<RawObject>) -> u32 {
    let read = page.items.len();
    let bytes: usize = page.items.iter().map(|object| object.json().len()).sum();
    let remaining = page.metadata.remaining_item_count.and_then(|count| usize::try_from(count).ok());
    let open = page.metadata.continue_.as_deref().is_some_and(|token| !token.is_empty());
    match (remaining, open) {
        (None, true) => USUAL,
        (remaining, _) => {
            size(read + remaining.unwrap_or_default(), bytes.checked_div(read).unwrap_or_default())
        }
    }
}

fn size(objects: usize, bytes_each: usize) -> u32 {
    let wanted = (objects / PAGES).clamp(LEAST, MOST);
    let fitting = BYTES.checked_div(bytes_each).unwrap_or(MOST).max(1);
    u32::try_from(wanted.min(fitting)).unwrap_or(USUAL)
}

#[cfg(test)]
mod tests {
    use super::size;

    #[test]
    fn pages_grow_with_the_list_and_stay_small_in_bytes() {
        let cases = [
            (0, 0, 100),
            (10_000, 5_400, 100),
            (30_000, 1_000, 300),
            (100_000, 5_400, 776),
            (1_000_000, 700, 5_000),
            (10_000, 1 << 20, 4),
            (10, 8 << 20, 1),
        ];
        for (objects, bytes, wanted) in cases {
            assert_eq!(size(objects, bytes), wanted, "{objects} objects of {bytes} bytes");
        }
    }
}
