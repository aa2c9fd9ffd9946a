# A unit to be sold (BOARD_VARIANT=PRODUCT).
include(${MICROPY_BOARD_DIR}/../common/product.cmake)
