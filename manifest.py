# What is frozen into an image. The ports' build reads this (FROZEN_MANIFEST or mpconfigboard.cmake).
#
# The port's own manifest is not included: it brings a package installer, a remote REPL and `requests`, which turns
# certificate checks off. Nothing of the port's modules is taken: its _boot.py waits for ever, with Ctrl-C open, where the
# file system is damaged, so _boot.py is our own. The port runs _boot.py, then boot.py, then main.py, each frozen.
#
# boards/common/manifest_product.py sets the options: `opt` is mpy-cross's level of optimisation, `files` are those of the package
# charger, None for all.
options.defaults(opt=0, files=None)
include("$(MPY_DIR)/extmod/asyncio")
require("umqtt.simple")

module("_boot.py", base_path="firmware", opt=options.opt)
module("boot.py", base_path="firmware", opt=options.opt)
module("main.py", base_path="firmware", opt=options.opt)
package("charger", files=options.files, base_path="firmware", opt=options.opt)
module("esp32_board.py", base_path="boards/common", opt=options.opt)
package("coprocessor_program", base_path="$(BOARD_DIR)", opt=options.opt)  # only some boards have one
module("board.py", base_path="$(BOARD_DIR)", opt=options.opt)
