# What is frozen into the target: asyncio alone, as in the unix port. The code under test comes as a ROMFS image.
include("$(MPY_DIR)/extmod/asyncio")
