// First use: a unit that knows no network asks for it; the PIN of the label is the unit's own and may stay.
import { useRef } from "preact/hooks";
import { put } from "../api.js";
import { Card, Field } from "../parts.jsx";
import { useAction, useLoaded } from "../state.jsx";
import { t } from "../text.js";
import { HoursChoice, WindowList } from "./hours.jsx";

export const isFirstUse = (status, session) =>
  Boolean(status.wifi) && !status.wifi.known && !status.wifi.up && session.actions.includes("network");

const STRONG = -60;
const FAIR = -72; // dBm; below, a connection is unlikely to last
const strength = (rssi) => (rssi >= STRONG ? "signal.strong" : rssi >= FAIR ? "signal.fair" : "signal.weak");

// The networks in range; one that is not protected cannot be chosen.
function Networks({ choose }) {
  const [found, error, reload] = useLoaded("/api/networks");
  if (error) return <p class="hint">{error}</p>;
  if (!found) return <p class="loading" role="status">{t("searching")}</p>;
  return (
    <>
      <ul class="list" aria-label={t("networks")}>
        {found.networks.map(({ name, rssi, safe }) => (
          <li key={name}>
            <button type="button" class="plain" disabled={!safe} onClick={() => choose(name)}>{name}</button>
            <span>{safe ? `${t(strength(rssi))} (${rssi} dBm)` : t("notSafe")}</span>
          </li>
        ))}
      </ul>
      <div class="row"><button type="button" class="plain" onClick={reload}>{t("searchAgain")}</button></div>
    </>
  );
}

// When it charges: asked at first use (UK-22); the recommended hours hold until then.
function FirstHours() {
  const [hours] = useLoaded("/api/hours");
  if (!hours) return null;
  return (
    <Card title={t("hours")} id="first-hours">
      <p>{t("hoursFirst")}</p>
      <WindowList windows={hours.windows} />
      <HoursChoice hours={hours} reload={() => {}} />
      <div class="row"><a class="button plain" href="#/hours">{t("addWindow")}</a></div>
    </Card>
  );
}

// `hours`: their choice waits. It comes first, since the phone leaves this page with the set-up network.
export function FirstUse({ hours }) {
  return (
    <>
      {hours && <FirstHours />}
      <FirstNetwork />
    </>
  );
}

function FirstNetwork() {
  const [act, busy] = useAction();
  const fields = useRef(null);
  function choose(name) {
    fields.current.elements.name.value = name;
    fields.current.elements.password.focus();
  }
  function join(event) {
    event.preventDefault();
    const form = new FormData(event.target);
    act(() => put("/api/settings", { WifiName: form.get("name"), WifiPassword: form.get("password") }), t("done.saved"));
  }
  return (
    <Card title={t("firstUse")} id="first-use">
      <p>{t("firstUseText")}</p>
      <Networks choose={choose} />
      <form ref={fields} onSubmit={join}>
        <Field label={t("set.WifiName")} name="name">
          <input id="name" name="name" required maxLength={32} autocapitalize="none" autocomplete="off" />
        </Field>
        <Field label={t("set.WifiPassword")} name="password">
          <input id="password" name="password" type="password" required minLength={8} maxLength={63} autocomplete="off" />
        </Field>
        <button disabled={busy}>{t("join")}</button>
      </form>
    </Card>
  );
}

// What became of it: shown while the set-up network is still open beside the network at home.
export function Joining({ wifi }) {
  if (!wifi || !wifi.known || !wifi.setup_s) return null;
  return <p class="banner" role="status">{wifi.up ? t("joined", wifi.ip) : t("joining")}</p>;
}
