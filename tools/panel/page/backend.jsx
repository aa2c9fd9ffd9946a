// The back end's side: its calls, and the frames of both sides.

import { useEffect, useLayoutEffect, useState } from "preact/hooks";
import { call, calls } from "./api.js";

const SHOWN = 200; // frames in the list

// A payload to start from, for the calls that are used most.
function example(action, number, transaction) {
  const made = {
    RemoteStartTransaction: { connectorId: number, idTag: "04A2B3C4D5E680" },
    RemoteStopTransaction: { transactionId: transaction ?? 0 },
    ChangeAvailability: { connectorId: number, type: "Inoperative" },
    ChangeConfiguration: { key: "HeartbeatInterval", value: "300" },
    GetConfiguration: { key: ["HeartbeatInterval"] },
    GetCompositeSchedule: { connectorId: number, duration: 3600 },
    ReserveNow: { connectorId: number, expiryDate: new Date(Date.now() + 36e5).toISOString(), idTag: "04A2B3C4D5E680", reservationId: 1 },
    CancelReservation: { reservationId: 1 },
    Reset: { type: "Soft" },
    SetChargingProfile: {
      connectorId: number,
      csChargingProfiles: {
        chargingProfileId: 1, stackLevel: 0, chargingProfilePurpose: "TxDefaultProfile", chargingProfileKind: "Relative",
        chargingSchedule: { chargingRateUnit: "A", chargingSchedulePeriod: [{ startPeriod: 0, limit: 10 }] },
      },
    },
    TriggerMessage: { requestedMessage: "StatusNotification", connectorId: number },
    UnlockConnector: { connectorId: number },
  }[action];
  return JSON.stringify(made ?? {}, null, 2);
}

export function Calls({ charger, number, transaction, fail }) {
  const [known, setKnown] = useState({});
  const [action, setAction] = useState("RemoteStopTransaction");
  const [payload, setPayload] = useState("{}");
  const [answer, setAnswer] = useState("");
  useEffect(() => void calls().then(setKnown, fail), []);
  const stops = action === "RemoteStopTransaction" && transaction; // what is being written stays when a transaction begins
  // Before the user can type: an effect after the paint would write over what was typed at once.
  useLayoutEffect(() => setPayload(example(action, number, transaction)), [action, number, stops]);
  const send = async (event) => {
    event.preventDefault();
    fail(null);
    setAnswer("");
    try {
      const given = JSON.parse(payload);
      setAnswer(JSON.stringify(await call(charger, action, given), null, 2));
    } catch (error) {
      fail(error instanceof SyntaxError ? new Error(`The payload is no JSON: ${error.message}.`) : error);
    }
  };
  return (
    <section class="card">
      <h2>Call of the back end</h2>
      <form onSubmit={send}>
        <div class="field">
          <label for="action">Action</label>
          <select id="action" value={action} onChange={(event) => setAction(event.target.value)}>
            {Object.keys(known).map((name) => <option key={name}>{name}</option>)}
          </select>
          <p class="hint" id="fields">{(known[action] ?? []).join(", ") || "no fields"}</p>
        </div>
        <div class="field">
          <label for="payload">Payload</label>
          <textarea id="payload" rows="6" spellcheck={false} aria-describedby="fields" value={payload}
            onInput={(event) => setPayload(event.target.value)} />
        </div>
        <button>Send</button>
      </form>
      <pre id="answer" aria-live="polite" tabindex="0" aria-label="Answer">{answer}</pre>
    </section>
  );
}

export function Frames({ frames }) {
  const [filter, setFilter] = useState("");
  const wanted = frames.filter((one) => !filter || (one.action ?? "").toLowerCase().includes(filter.toLowerCase()));
  return (
    <section class="card wide">
      <h2>OCPP frames</h2>
      <div class="field">
        <label for="filter">Only actions with</label>
        <input id="filter" value={filter} onInput={(event) => setFilter(event.target.value)} />
      </div>
      <div class="frames" tabindex="0" role="region" aria-label="OCPP frames, newest first">
        <table>
          <thead><tr><th>Time</th><th>From</th><th>Kind</th><th>Action</th><th>Latency</th><th>Content</th></tr></thead>
          <tbody>
            {wanted.slice(-SHOWN).reverse().map((one) => (
              <tr key={one.number} class={one.invalid ? "invalid" : one.dir}>
                <td>{one.time.slice(11, 23)}</td>
                <td>{one.dir === "out" ? "charger" : "back end"}</td>
                <td>{one.kind ?? "no OCPP"}</td>
                <td>{one.action ?? "?"}</td>
                <td>{one.latency_ms == null ? "" : `${one.latency_ms} ms`}</td>
                <td class="content"><code>{one.text}</code>{one.invalid && <strong> {one.invalid}</strong>}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}
