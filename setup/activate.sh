# The part of .venv/bin/activate that make setup adds (for sh, bash and zsh). Set before it: _exam_lab_engine, the
# engine's folder or nothing where the user's own is used, and _exam_lab_state, the checkout's .state.
# All are defaults, only where the user has none; `deactivate` takes back what was set (PATH is taken back by venv).
if [ -n "$_exam_lab_engine" ]; then
    export PATH="$_exam_lab_engine:$PATH"
fi
_EXAM_LAB_SET=
if [ -z "${PULUMI_BACKEND_URL:-}${PULUMI_ACCESS_TOKEN:-}" ] && ! grep -q '"current": *"[^"]' \
    "${PULUMI_CREDENTIALS_PATH:-${PULUMI_HOME:-${HOME:-}/.pulumi}}/credentials.json" 2>/dev/null
then
    # Without files of metadata, which a Pulumi that is killed leaves half written, and then can't read the state.
    export PULUMI_BACKEND_URL="file://$_exam_lab_state/pulumi?metadata=skip"
    _EXAM_LAB_SET="$_EXAM_LAB_SET PULUMI_BACKEND_URL"
fi
if [ -z "${PULUMI_CONFIG_PASSPHRASE+set}${PULUMI_CONFIG_PASSPHRASE_FILE+set}" ]; then
    export PULUMI_CONFIG_PASSPHRASE_FILE="$_exam_lab_state/passphrase"
    _EXAM_LAB_SET="$_EXAM_LAB_SET PULUMI_CONFIG_PASSPHRASE_FILE"
fi
if [ -z "${PULUMI_SKIP_UPDATE_CHECK+set}" ]; then
    export PULUMI_SKIP_UPDATE_CHECK=true
    _EXAM_LAB_SET="$_EXAM_LAB_SET PULUMI_SKIP_UPDATE_CHECK"
fi
# The program needs no provider plugin; with pulumi-aws in .venv the engine would fetch its, used or not.
if [ -z "${PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION+set}" ]; then
    export PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION=true
    _EXAM_LAB_SET="$_EXAM_LAB_SET PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION"
fi
unset _exam_lab_engine _exam_lab_state
