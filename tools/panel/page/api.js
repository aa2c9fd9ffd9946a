// Requests to the panel's server, with the token of the URL.

const token = location.hash.slice(1);

async function ask(path, options = {}) {
  const answer = await fetch(path, { ...options, headers: { "X-Panel-Token": token, ...options.headers } });
  const body = await answer.json();
  if (!answer.ok) throw new Error(body.error);
  return body;
}

const post = (path, body) =>
  ask(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });

export const calls = () => ask("/api/calls");
export const command = (charger, words) => post("/api/command", { charger, words });
export const call = (charger, action, payload) => post("/api/call", { charger, action, payload });

export function state(charger, frame, instant) {
  const query = new URLSearchParams({ frame, instant });
  if (charger) query.set("charger", charger);
  return ask(`/api/state?${query}`);
}
