"""`network` where code of the firmware imports it without using it while instructions are counted."""

STA_IF = 0
AP_IF = 1
