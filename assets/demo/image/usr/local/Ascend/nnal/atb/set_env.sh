# Simulated: nothing to set.
export ATB_HOME_PATH=/usr/local/Ascend/nnal/atb
