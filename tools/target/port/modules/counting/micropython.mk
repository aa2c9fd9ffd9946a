SRC_USERMOD_C += $(USERMOD_DIR)/clock.c $(USERMOD_DIR)/memory.c $(USERMOD_DIR)/counting.c $(USERMOD_DIR)/pin.c $(USERMOD_DIR)/disk.c
