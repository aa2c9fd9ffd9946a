"""The configuration keys (C.11, D.5): one dictionary, name to row. Values and checks: config/configuration.py.

A row is a tuple of constants, which frozen code keeps in flash; what the heap holds is the dictionary of names:

type     b boolean, i integer, l comma separated list, s string
access   R, RW, W (write-only, OCPP-8), D (a fact about the device: settable by the factory, not a key of OCPP)
profile  the feature profile without which the key is absent (OCPP-120)
default  as text
low, high  range of an integer, or of the length of a string or list; high is None without a bound
check    the name of one more check, see Configuration._check(); "" for none
"""

KEYS = {
    "AllowOfflineTxForUnknownId": ("b", "RW", "Core", "false", 0, None, ""),
    "AuthorizationCacheEnabled": ("b", "RW", "Core", "true", 0, None, ""),
    "AuthorizeRemoteTxRequests": ("b", "RW", "Core", "false", 0, None, ""),
    "BlinkRepeat": ("i", "RW", "Core", "3", 0, 100, ""),
    "ClockAlignedDataInterval": ("i", "RW", "Core", "0", 0, 86400, "aligned"),
    "ConnectionTimeOut": ("i", "RW", "Core", "60", 1, 86400, ""),
    "ConnectorPhaseRotation": ("l", "RW", "Core", "", 0, None, "rotation"),
    "ConnectorPhaseRotationMaxLength": ("i", "R", "Core", "5", 0, None, ""),
    "GetConfigurationMaxKeys": ("i", "R", "Core", "100", 0, None, ""),
    "HeartbeatInterval": ("i", "RW", "Core", "86400", 1, 604800, ""),
    "LightIntensity": ("i", "RW", "Core", "100", 0, 100, ""),
    "LocalAuthorizeOffline": ("b", "RW", "Core", "true", 0, None, ""),
    "LocalPreAuthorize": ("b", "RW", "Core", "false", 0, None, ""),
    "MaxEnergyOnInvalidId": ("i", "RW", "Core", "0", 0, 1000000, ""),
    "MeterValuesAlignedData": ("l", "RW", "Core", "Energy.Active.Import.Register", 0, 16, "measurands"),
    "MeterValuesAlignedDataMaxLength": ("i", "R", "Core", "16", 0, None, ""),
    "MeterValuesSampledData": (
        "l",
        "RW",
        "Core",
        "Energy.Active.Import.Register,Power.Active.Import,Current.Import,Voltage,Current.Offered",
        0,
        16,
        "measurands",
    ),
    "MeterValuesSampledDataMaxLength": ("i", "R", "Core", "16", 0, None, ""),
    "MeterValueSampleInterval": ("i", "RW", "Core", "60", 0, 86400, ""),
    "MinimumStatusDuration": ("i", "RW", "Core", "0", 0, 3600, ""),
    "NumberOfConnectors": ("i", "R", "Core", "1", 0, None, ""),
    "ResetRetries": ("i", "RW", "Core", "1", 0, 10, ""),
    "StopTransactionOnEVSideDisconnect": ("b", "R", "Core", "true", 0, None, ""),
    "StopTransactionOnInvalidId": ("b", "RW", "Core", "true", 0, None, ""),
    "StopTxnAlignedData": ("l", "RW", "Core", "", 0, 16, "measurands"),
    "StopTxnAlignedDataMaxLength": ("i", "R", "Core", "16", 0, None, ""),
    "StopTxnSampledData": ("l", "RW", "Core", "", 0, 16, "measurands"),
    "StopTxnSampledDataMaxLength": ("i", "R", "Core", "16", 0, None, ""),
    "SupportedFeatureProfiles": (
        "l",
        "R",
        "Core",
        "Core,FirmwareManagement,LocalAuthListManagement,Reservation,SmartCharging,RemoteTrigger",
        0,
        None,
        "",
    ),
    "TransactionMessageAttempts": ("i", "RW", "Core", "3", 1, 100, ""),
    "TransactionMessageRetryInterval": ("i", "RW", "Core", "60", 0, 86400, ""),
    "UnlockConnectorOnEVSideDisconnect": ("b", "RW", "Core", "true", 0, None, "lock"),
    "WebSocketPingInterval": ("i", "RW", "Core", "25", 0, 86400, ""),
    "LocalAuthListEnabled": ("b", "RW", "LocalAuthListManagement", "true", 0, None, ""),
    "LocalAuthListMaxLength": ("i", "R", "LocalAuthListManagement", "200", 0, None, ""),
    "SendLocalListMaxLength": ("i", "R", "LocalAuthListManagement", "50", 0, None, ""),
    "ReserveConnectorZeroSupported": ("b", "R", "Reservation", "true", 0, None, ""),
    "ChargeProfileMaxStackLevel": ("i", "R", "SmartCharging", "10", 0, None, ""),
    "ChargingScheduleAllowedChargingRateUnit": ("l", "R", "SmartCharging", "Current,Power", 0, None, ""),
    "ChargingScheduleMaxPeriods": ("i", "R", "SmartCharging", "24", 0, None, ""),
    "ConnectorSwitch3to1PhaseSupported": ("b", "R", "SmartCharging", "false", 0, None, ""),
    "MaxChargingProfilesInstalled": ("i", "R", "SmartCharging", "10", 0, None, ""),
    "SupportedFileTransferProtocols": ("l", "R", "FirmwareManagement", "HTTPS", 0, None, ""),
    "AdditionalRootCertificateCheck": ("b", "R", "Core", "false", 0, None, ""),
    "CertificateSignedMaxChainSize": ("i", "R", "Core", "10000", 1000, 10000, ""),
    "CertificateStoreMaxLength": ("i", "R", "Core", "6", 1, 6, ""),
    "AuthorizationKey": ("s", "W", "Core", "", 16, 40, "key"),
    "CpoName": ("s", "RW", "Core", "", 0, 64, ""),
    "SecurityProfile": ("i", "RW", "Core", "0", 0, 3, "raise"),
    "RandomDelayMax": ("i", "RW", "Core", "600", 0, 1800, ""),
    "ResponseDsrProfiles": ("l", "RW", "SmartCharging", "", 0, 20, "numbers"),
    "RandomisedProfiles": ("l", "RW", "SmartCharging", "", 0, 20, "numbers"),
    "GridReduction": ("b", "RW", "Core", "false", 0, None, ""),
    "FreeVend": ("b", "RW", "Core", "false", 0, None, ""),
    "FreeVendIdTag": ("s", "RW", "Core", "FreeVend", 1, 20, ""),
    "WakeUpVehicle": ("b", "RW", "Core", "false", 0, None, ""),
    "ResumeAfterPowerLoss": ("b", "RW", "Core", "true", 0, None, ""),
    "AuthorizationKeyVerbatim": ("b", "D", "Core", "false", 0, None, ""),
    "ChargePointVendor": ("s", "D", "Core", "", 0, None, ""),
    "ChargePointModel": ("s", "D", "Core", "", 0, None, ""),
    "ChargeBoxSerialNumber": ("s", "D", "Core", "", 0, None, ""),
    "ChargePointSerialNumber": ("s", "D", "Core", "", 0, None, ""),
    "MeterType": ("s", "D", "Core", "", 0, None, ""),
    "MeterSerialNumber": ("s", "D", "Core", "", 0, None, ""),
    "FirmwareVersion": ("s", "D", "Core", "", 0, None, ""),
    "ConnectorLock": ("b", "D", "Core", "true", 0, None, ""),
    "SupplyVoltage": ("i", "D", "Core", "230", 100, 1000, ""),
    "CompositeScheduleDefaultLimitAmps": ("i", "D", "SmartCharging", "0", 0, 1000, ""),
    "CompositeScheduleDefaultLimitWatts": ("i", "D", "SmartCharging", "0", 0, 1000000, ""),
    "CompositeScheduleDefaultNumberPhases": ("i", "D", "SmartCharging", "0", 0, 3, ""),
    "VerifyCsmsCommonName": ("b", "D", "Core", "true", 0, None, ""),
    "TamperPolicy": ("s", "D", "Core", "latch", 4, 6, "policy"),
    "InstallerMaxCurrent": ("i", "D", "Core", "0", 0, 80, "amps"),
    "ConnectedPhases": ("i", "D", "Core", "0", 0, 3, ""),  # 0: those of the board
    "HouseMaxCurrent": ("i", "D", "Core", "0", 0, 200, "amps"),  # of the house's supply, A per phase; 0: no limit
    "HouseSafeCurrent": ("i", "D", "Core", "6", 0, 80, "amps"),  # of the charger while the house's current is not known
    "HouseMeter": ("s", "D", "Core", "", 0, 60, "meter"),  # sunspec://HOST[:PORT][/UNIT], sdm630://...; "": none
    "GroupMaxCurrent": ("i", "D", "Core", "0", 0, 400, "amps"),  # of the fuse that several units share, A per phase; 0: no group
    "GroupUnits": ("i", "D", "Core", "2", 2, 8, ""),  # how many these are
    "GroupPort": ("i", "D", "Core", "48220", 1024, 65535, ""),  # UDP
    "StateWithoutPin": ("b", "D", "Core", "false", 0, None, ""),  # whether the page shows the state before a login
    "SupportUntil": ("s", "D", "Core", "", 0, 10, ""),  # YYYY-MM-DD: security updates until then at the least; "": not said
    "SolarMode": ("s", "D", "Core", "off", 3, 7, "solar"),
    "SolarStartPower": ("i", "D", "Core", "1500", 0, 20000, ""),  # W of surplus with which it begins
    "SolarExportPrice": ("i", "D", "Core", "0", 0, 1000, ""),  # what the grid pays a kWh, in the unit of the prices
    "Country": ("s", "D", "Core", "GB", 2, 4, "country"),
    "DsrAgreement": ("b", "D", "Core", "false", 0, None, ""),
    "UploadToHomeNetwork": ("b", "D", "Core", "false", 0, None, ""),
    "PlainLinkAtHome": ("b", "D", "Core", "false", 0, None, ""),
    "TimeServers": ("l", "D", "Core", "", 0, 4, ""),
    "RetryBackoffWaitMinimum": ("i", "D", "Core", "10", 0, 3600, ""),
    "RetryBackoffRandomRange": ("i", "D", "Core", "", 0, 3600, ""),
    "PowerOnRandomRange": ("i", "D", "Core", "10", 0, 600, ""),  # s, before the first connection after the power was away
}  # fmt: skip
