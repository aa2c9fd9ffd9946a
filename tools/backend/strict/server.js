// A back end on ocpp-rpc in strict mode, and a judge of frames that were recorded elsewhere.
//
// One JSON object a line. Commands on stdin, each answered with its id:
//   {id, do: "call", method, params}    CALL to the connected charger: {id, result} or {id, error, text}
//   {id, do: "judge", frames}           [[2 or 3, action, payload], ...]: {id, violations: [[index, text], ...]}
//   {id, do: "answer", method, results} what to answer to the next CALLs of this action, null for no answer
//   {id, do: "drop"}                    cut the charger's connection
//   {id, do: "open"} / {id, do: "close"}   take connections, turn them away with 503
// Events on stdout: listening {port}, connected {identity}, disconnected, frame {outbound, text}, violation {text}.
"use strict";

const readline = require("readline");
const { RPCServer, NOREPLY } = require("ocpp-rpc");
const validators = require("ocpp-rpc/lib/standard-validators");

const PROTOCOL = "ocpp1.6";
const judge = validators.find((validator) => validator.subprotocol === PROTOCOL);
const script = new Map();
let client = null;
let open = true;
let transaction = 0;

function say(message) {
  process.stdout.write(JSON.stringify(message) + "\n");
}

function usual(method, params) {
  const now = new Date().toISOString();
  const idTagInfo = { status: /^GOOD/i.test(params.idTag || "") ? "Accepted" : "Invalid" };
  switch (method) {
    case "BootNotification": return { status: "Accepted", currentTime: now, interval: 300 };
    case "Heartbeat": return { currentTime: now };
    case "Authorize": return { idTagInfo };
    case "StartTransaction": return { transactionId: ++transaction, idTagInfo };
    case "DataTransfer": return { status: "UnknownVendorId" };
    case "SignCertificate": return { status: "Rejected" };
    default: return {};
  }
}

function welcome(arrived) {
  client = arrived;
  say({ event: "connected", identity: arrived.identity });
  arrived.on("message", ({ message, outbound }) => say({ event: "frame", outbound, text: message.toString() }));
  arrived.on("badMessage", ({ buffer, error }) => say({ event: "violation", text: `${error.message}: ${buffer}` }));
  arrived.on("strictValidationFailure", ({ method, params, result, error, outbound }) =>
    say({ event: "violation", outbound, text: `${method} ${JSON.stringify(result ?? params)}: ${error.message}` }));
  arrived.on("close", () => {
    if (client === arrived) client = null;
    say({ event: "disconnected" });
  });
  arrived.handle(({ method, params }) => {
    const answers = script.get(method) || [];
    if (!answers.length) return usual(method, params);
    const answer = answers.shift();
    return answer === null ? NOREPLY : answer;
  });
}

function violations(frames) {
  const found = [];
  frames.forEach(([kind, action, payload], index) => {
    try {
      judge.validate(`urn:${action}.${kind === 2 ? "req" : "conf"}`, payload);
    } catch (error) {
      found.push([index, error.message || String(error)]);
    }
  });
  return found;
}

async function obey({ do: what, method, params, frames, results }) {
  switch (what) {
    case "call":
      if (!client) throw Object.assign(new Error("no charger is connected"), { rpcErrorCode: "NotConnected" });
      return { result: await client.call(method, params, { callTimeoutMs: 20000 }) };
    case "judge": return { violations: violations(frames) };
    case "answer":
      script.set(method, [...(script.get(method) || []), ...results]);
      return {};
    case "drop":
      if (client) client.close({ code: 1001, force: true, awaitPending: false });
      return {};
    case "open":
    case "close":
      open = what === "open";
      return {};
    default: throw new Error(`unknown command ${what}`);
  }
}

async function main() {
  const server = new RPCServer({ protocols: [PROTOCOL], strictMode: true, respondWithDetailedErrors: true });
  server.auth((accept, reject) => (open ? accept({}, PROTOCOL) : reject(503)));
  server.on("client", welcome);
  const http = await server.listen(0, "127.0.0.1");
  say({ event: "listening", port: http.address().port });
  const lines = readline.createInterface({ input: process.stdin });
  lines.on("line", async (line) => {
    const command = JSON.parse(line);
    try {
      say({ id: command.id, ...(await obey(command)) });
    } catch (error) {
      say({ id: command.id, error: error.rpcErrorCode || error.name, text: error.message });
    }
  });
  lines.on("close", () => process.exit(0)); // whoever started it is gone
}

main();
