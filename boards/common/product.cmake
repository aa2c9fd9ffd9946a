# A unit to be sold (BOARD_VARIANT=PRODUCT): no console, neither prompt nor log lines (SEC-21), and nothing that compiles or loads
# code: what is frozen runs, nothing else. It is written over the board's plain build once the unit has been provisioned. What has
# to be burned into fuses besides: docs/SECURITY.md.
list(APPEND MICROPY_DEF_BOARD
    MICROPY_HW_ENABLE_UART_REPL=0
    MICROPY_ENABLE_COMPILER=0
    MICROPY_PERSISTENT_CODE_LOAD=0
    MICROPY_PY_BUILTINS_HELP=0
    MICROPY_HELPER_REPL=0
)

list(APPEND SDKCONFIG_DEFAULTS
    ${MICROPY_BOARD_DIR}/../common/sdkconfig.product
)

set(MICROPY_FROZEN_MANIFEST ${MICROPY_BOARD_DIR}/../common/manifest_product.py)
