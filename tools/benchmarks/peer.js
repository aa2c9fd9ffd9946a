// N charge points of em-ocpp-chargepoint-simulator in one process: a session each, with MeterValues each 2 s (peer.py starts it).
const N = +process.env.N, S = +process.env.S, URL = process.env.CSMS;
async function one(n) {
  const cp = await connect(`${URL}/EM${String(n).padStart(4, "0")}`);
  const at = () => new Date().toISOString();
  await cp.sendBootnotification({chargePointVendor: "em", chargePointModel: "sim"});
  for (const c of [0, 1]) await cp.sendStatusNotification({connectorId: c, errorCode: "NoError", status: "Available"});
  const auth = await cp.sendAuthorize({idTag: "FLEET0001"});
  await cp.sendStatusNotification({connectorId: 1, errorCode: "NoError", status: "Charging"});
  const t = await cp.startTransaction({connectorId: 1, idTag: "FLEET0001", meterStart: 0, timestamp: at()});
  const end = Date.now() + S * 1000; let wh = 0;
  while (Date.now() < end) {
    await cp.meterValues({connectorId: 1, transactionId: t.transactionId, meterValue: [{timestamp: at(), sampledValue: [{value: String(wh += 10)}]}]});
    if (!process.env.FAST) await cp.sleep(2000);
  }
  await cp.stopTransaction({transactionId: t.transactionId, meterStop: wh, timestamp: at()});
  cp.close();
}
await Promise.all(Array.from({length: N}, (_, n) => one(n + 1)));
