// The charger's JSON API. Requests go one after the other: the charger then needs a single connection.

const TIMEOUT_MS = 20000;
let csrf = "";
let last = Promise.resolve();

export class ApiError extends Error {
  // status 0: the charger did not answer
  constructor(status, words, waitS = 0) {
    super(words);
    this.status = status;
    this.waitS = waitS;
  }
}

async function send(method, path, body) {
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
  if (!answer.ok) throw new ApiError(answer.status, data.error, Number(answer.headers.get("Retry-After")) || 0);
  if (data.csrf) csrf = data.csrf;
  return data;
}

function queued(method, path, body) {
  const result = last.then(() => send(method, path, body));
  last = result.catch(() => {});
  return result;
}

export const get = (path) => queued("GET", path);
export const post = (path, body = {}) => queued("POST", path, body);
export const put = (path, body) => queued("PUT", path, body);

export function login(role, pin) {
  csrf = "";
  return post("/api/login", { role, pin });
}
