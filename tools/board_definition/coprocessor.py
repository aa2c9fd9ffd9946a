"""The requirements of the co-processor's program (boards/common/supervisor.S) on a board's data."""

from ulp.registers import CHIPS

from board_definition.loading import meter_kinds


def faults(data: dict, outlets: list, chip_name: str) -> list[str]:
    """The faults of COPROCESSOR: its chip has the program, which watches one outlet and bears few other conversions of ADC1."""
    if data.get("COPROCESSOR") is not True:
        return []
    meters = [outlet.get("meter") for outlet in outlets if isinstance(outlet, dict)] + [data.get("HOUSE")]
    converted = [kind for kind, (bus, _, _) in meter_kinds().items() if bus == "adc"]
    found = []
    if chip_name not in CHIPS:
        found.append(f"is True, and the program is for {' and '.join(CHIPS)}, not the {chip_name}")
    if len(outlets) != 1:
        found.append("is True, and the program watches one outlet")
    if any(isinstance(outlet, dict) and outlet.get("phase_switch") is not None for outlet in outlets):
        found.append("is True, and the program opens one contactor, not a phase_switch besides")
    if any(isinstance(meter, list) and meter[:1] and meter[0] in converted for meter in meters):
        found.append("is True, and a meter on ADC1 leaves no time for the program's samples")
    return found
