"""Pure decisions about alerts, incidents and notifications; time and history are arguments."""
