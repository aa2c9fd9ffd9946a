# What is frozen into an image of the PRODUCT variant: the same, and a mark by which drivers/console.py knows it.
include("$(BOARD_DIR)/../../manifest.py")
module("product_build.py", base_path="$(BOARD_DIR)/../common")
