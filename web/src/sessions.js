// The history in whole, newest session first.
import { get } from "./api.js";

export async function allSessions() {
  const found = [];
  let before;
  do {
    const page = await get(`/api/history?count=20${before === undefined ? "" : `&before=${before}`}`);
    found.push(...page.sessions);
    before = page.before;
  } while (before !== null);
  return found;
}
