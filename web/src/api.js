// The charger's JSON API. Requests go one after the other: the charger then needs a single connection.

const TIMEOUT_MS = 20000;
let csrf = "";
let role = "";
let last = Promise.resolve();

export class ApiError extends Error {
  // status 0: the charger did not answer
  constructor(status, words, waitS = 0) {
    super(words);
    this.status = status;
    this.waitS = waitS;
  }
}

async function send(method, path, body, again = true) {
  const headers = {};
  if (body) {
    headers["Content-Type"] = "application/json";
    if (csrf) headers["X-CSRF-Token"] = csrf;
  }
  let answer, data;
  try {
    answer = await fetch(path, {
      method, headers, body: body && JSON.stringify(body), signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    data = await answer.json();
  } catch {
    throw new ApiError(0, "");
  }
  if (answer.status === 403 && again) { // another tab may have logged in since: it has the same cookie
    const [known, was] = [csrf, role];
    await send("GET", "/api/session");
    if (role !== was) location.reload();
    else if (csrf !== known) return send(method, path, body, false);
  }
  if (!answer.ok) throw new ApiError(answer.status, data.error, Number(answer.headers.get("Retry-After")) || 0);
  if (data.csrf) ({ csrf, role } = data);
  return data;
}

function queued(method, path, body) {
  const result = last.then(() => send(method, path, body));
  last = result.catch(() => {});
  return result;
}

// Whether the charger has another page by now, as after an update: that one names another script.
export function isOld() {
  const asked = last.then(() => fetch("/", { cache: "no-cache", signal: AbortSignal.timeout(TIMEOUT_MS) }))
    .then((answer) => answer.ok && answer.text())
    .then((page) => page && !page.includes(new URL(import.meta.url).pathname), () => false);
  last = asked;
  return asked;
}

export const get = (path) => queued("GET", path);
export const post = (path, body = {}) => queued("POST", path, body);
export const put = (path, body) => queued("PUT", path, body);

export function login(role, pin) {
  csrf = "";
  return post("/api/login", { role, pin });
}
