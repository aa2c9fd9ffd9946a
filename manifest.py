# What is frozen into an image. The ports' build reads this (FROZEN_MANIFEST or mpconfigboard.cmake).
#
# The port's own manifest is not included: it brings a package installer, a remote REPL and `requests`, which turns
# certificate checks off. Of the port's modules only those that mount the file system at start are taken.
freeze("$(PORT_DIR)/modules", ("_boot.py", "flashbdev.py", "inisetup.py"))
include("$(MPY_DIR)/extmod/asyncio")
require("umqtt.simple")

module("boot.py", base_path="firmware")
module("main.py", base_path="firmware")
package("charger", base_path="firmware")
module("board.py", base_path="$(BOARD_DIR)")
