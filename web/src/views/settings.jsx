import { useState } from "preact/hooks";
import { put } from "../api.js";
import { Card } from "../parts.jsx";
import { useAction, useLoaded } from "../state.jsx";
import { t } from "../text.js";
import { Cards } from "./cards.jsx";
import { Group } from "./group.jsx";

// Settings by their place on the page; those of the house have a view of their own.
const GROUPS = {
  wifi: ["WifiName", "WifiPassword"],
  charging: ["FreeVend", "FreeVendIdTag", "ConnectionTimeOut", "UnlockConnectorOnEVSideDisconnect", "TamperPolicy"],
  cards: ["LocalAuthorizeOffline", "LocalPreAuthorize", "AllowOfflineTxForUnknownId", "AuthorizationCacheEnabled"],
  installer: ["InstallerMaxCurrent", "ConnectedPhases"],
  mqtt: ["MqttUrl", "MqttPassword", "MqttRoots", "MqttDiscovery"],
  backend: ["BackEndUrl", "BackEndIdentity", "AuthorizationKey", "BackEndRoots", "CpoName", "UploadToHomeNetwork"],
};
const TOKEN = "MetricsToken";
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

export function Settings({ session }) {
  const [settings, error, reload] = useLoaded("/api/settings");
  if (error) return <p class="error" role="alert">{error}</p>;
  if (!settings) return <p class="loading" role="status">{t("loading")}</p>;
  return (
    <>
      <h1>{t("nav.settings")}</h1>
      {Object.entries(GROUPS).map(([name, names]) => (
        <Group key={name} name={name} names={names} settings={settings} reload={reload} />
      ))}
      {session.actions.includes("settings") && <Cards />}
      <Metrics entry={settings[TOKEN]} reload={reload} />
    </>
  );
}
