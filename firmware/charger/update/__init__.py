"""Updates over the air: source, signature, installation, trial and integrity check (SEC-4 to 9)."""

COUNTER = "counter"  # NVS: the highest anti-rollback counter ever confirmed
BROKEN = "broken"  # NVS: the running image was found altered; a restart does not reset it
OFFER = "update_offer.json"  # {"version", "url"} of the offered release, {} for none; absent before the first check
TRIAL = "trial"  # what updater.proof_of() makes of the last installation
IMAGE = "image"  # size and SHA-256 of the confirmed image of the running slot
