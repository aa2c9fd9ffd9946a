import { useLoaded } from "../state.jsx";
import { t } from "../text.js";
import { Cards } from "./cards.jsx";
import { Group } from "./group.jsx";
import { Tokens } from "./tokens.jsx";

// Settings by their place on the page; those of the house have a view of their own.
const GROUPS = {
  wifi: ["WifiName", "WifiPassword", "HostName", "WifiAddress"],
  charging: ["FreeVend", "FreeVendIdTag", "ConnectionTimeOut", "UnlockConnectorOnEVSideDisconnect", "TamperPolicy"],
  cards: ["LocalAuthorizeOffline", "LocalPreAuthorize", "AllowOfflineTxForUnknownId", "AuthorizationCacheEnabled"],
  installer: ["InstallerMaxCurrent", "ConnectedPhases"],
  mqtt: ["MqttUrl", "MqttPassword", "MqttRoots", "MqttDiscovery"],
  syslog: ["SyslogServer", "SyslogRoots"],
  backend: ["BackEndUrl", "BackEndIdentity", "AuthorizationKey", "BackEndRoots", "CpoName", "UploadToHomeNetwork", "PlainLinkAtHome"],
};

const MINE = ["StateWithoutPin"];

export function Settings({ session }) {
  const [settings, error, reload] = useLoaded("/api/settings");
  if (error) return <p class="error" role="alert">{error}</p>;
  if (!settings) return <p class="loading" role="status">{t("loading")}</p>;
  return (
    <>
      <h1>{t("nav.settings")}</h1>
      {settings.PlainLinkAtHome?.value && <p class="error" role="alert">{t("plainLink")}</p>}
      {Object.entries(GROUPS).map(([name, names]) => (
        <Group key={name} name={name} names={names} settings={settings} reload={reload} />
      ))}
      {session.actions.includes("settings") && <Group name="page" names={MINE} settings={settings} reload={reload} />}
      {session.actions.includes("settings") && <Cards />}
      {session.actions.includes("tokens") && <Tokens />}
    </>
  );
}
