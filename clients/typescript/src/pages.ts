/** One page of a list. */
export interface Page<T> {
  items: T[];
  /** Empty at the end. */
  nextPageToken: string;
}

/** Walks through a list page by page; a page is fetched when the loop gets to it. */
export async function* pages<T>(fetch: (pageToken: string) => Promise<Page<T>>): AsyncGenerator<T> {
  let pageToken = "";
  do {
    const { items, nextPageToken } = await fetch(pageToken);
    yield* items;
    pageToken = nextPageToken;
  } while (pageToken !== "");
}
