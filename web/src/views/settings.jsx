import { useState } from "preact/hooks";
import { put } from "../api.js";
import { Card, Field } from "../parts.jsx";
import { useAction, useLoaded } from "../state.jsx";
import { t } from "../text.js";

// Settings by their place on the page; what the charger has beside them goes into the last group.
const GROUPS = {
  wifi: ["WifiName", "WifiPassword"],
  charging: ["FreeVend", "FreeVendIdTag", "ConnectionTimeOut", "UnlockConnectorOnEVSideDisconnect", "TamperPolicy"],
  cards: ["LocalAuthorizeOffline", "LocalPreAuthorize", "AllowOfflineTxForUnknownId", "AuthorizationCacheEnabled"],
  installer: ["InstallerMaxCurrent", "ConnectedPhases"],
  mqtt: ["MqttUrl", "MqttPassword", "MqttRoots", "MqttDiscovery"],
};
const LAST = "backend";
const TOKEN = "MetricsToken";
const CHOICES = { TamperPolicy: ["latch", "stop", "report"] };
const LONG = ["MqttRoots", "BackEndRoots"];
const MAY_BE_EMPTY = ["MqttUrl", "MqttDiscovery", "BackEndUrl", "BackEndIdentity", "BackEndRoots", "CpoName"];

// What is typed stays: the page is drawn again each second, and `value` would write over it.
function Input({ name, entry }) {
  const common = { id: name, name, disabled: !entry.writable };
  if (entry.set !== undefined) {
    return <input {...common} type="password" autocomplete="new-password" placeholder={t(entry.set ? "isSet" : "notSet")} />;
  }
  if (typeof entry.value === "boolean") return <input {...common} type="checkbox" defaultChecked={entry.value} />;
  if (typeof entry.value === "number") return <input {...common} type="number" min="0" defaultValue={entry.value} />;
  if (CHOICES[name]) {
    return (
      <select {...common}>
        {CHOICES[name].map((choice) => <option key={choice} value={choice} selected={choice === entry.value}>{t(`choice.${choice}`)}</option>)}
      </select>
    );
  }
  if (LONG.includes(name)) return <textarea {...common} rows={4} defaultValue={entry.value || ""} />;
  return <input {...common} type="text" defaultValue={entry.value || ""} />;
}

// What the form changes: secrets that were typed, other settings that differ.
function changes(form, names, settings) {
  const wish = {};
  for (const name of names) {
    const entry = settings[name];
    const input = form.elements[name];
    if (!entry.writable) continue;
    if (entry.set !== undefined) {
      if (input.value) wish[name] = input.value;
    } else {
      let value = input.value;
      if (typeof entry.value === "boolean") value = input.checked;
      if (typeof entry.value === "number") value = Number(input.value);
      const usable = value !== "" || MAY_BE_EMPTY.includes(name);
      if (usable && value !== (entry.value === null ? "" : entry.value)) wish[name] = value;
    }
  }
  return wish;
}

function Group({ name, names, settings, reload }) {
  const [act, busy] = useAction();
  const shown = names.filter((key) => key in settings);
  const mayWrite = shown.some((key) => settings[key].writable);
  async function save(event) {
    event.preventDefault();
    const wish = changes(event.target, shown, settings);
    if (!Object.keys(wish).length) return;
    if (await act(() => put("/api/settings", wish), t("done.saved"))) reload();
  }
  return (
    <Card title={t(`group.${name}`)} id={`group-${name}`}>
      <form onSubmit={save}>
        {shown.map((key) => (
          <Field key={key} label={t(`set.${key}`)} name={key} inline={typeof settings[key].value === "boolean"}>
            <Input key={String(settings[key].value)} name={key} entry={settings[key]} />
          </Field>
        ))}
        {mayWrite && <button disabled={busy}>{t("save")}</button>}
      </form>
    </Card>
  );
}

// The token of /metrics: made in the browser, shown once.
function Metrics({ entry, reload }) {
  const [act, busy] = useAction();
  const [token, setToken] = useState("");
  async function set(value) {
    if (!(await act(() => put("/api/settings", { [TOKEN]: value }), t("done.saved")))) return;
    setToken(value);
    reload();
  }
  const fresh = () => Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
  return (
    <Card title={t("metrics")} id="group-metrics">
      <p>{t("metricsText")}</p>
      <p>{t(entry.set ? "tokenSet" : "notSet")}</p>
      {token && <p>{t("tokenOnce")} <code>{token}</code></p>}
      {entry.writable && <div class="row">
        <button disabled={busy} onClick={() => set(fresh())}>{t("tokenNew")}</button>
        {entry.set && <button class="plain" disabled={busy} onClick={() => set("")}>{t("remove")}</button>}
      </div>}
    </Card>
  );
}

export function Settings() {
  const [settings, error, reload] = useLoaded("/api/settings");
  if (error) return <p class="error" role="alert">{error}</p>;
  if (!settings) return <p class="loading" role="status">{t("loading")}</p>;
  const placed = [...Object.values(GROUPS).flat(), TOKEN];
  const groups = { ...GROUPS, [LAST]: Object.keys(settings).filter((name) => !placed.includes(name)) };
  return (
    <>
      <h1>{t("nav.settings")}</h1>
      {Object.entries(groups).map(([name, names]) => (
        <Group key={name} name={name} names={names} settings={settings} reload={reload} />
      ))}
      <Metrics entry={settings[TOKEN]} reload={reload} />
    </>
  );
}
