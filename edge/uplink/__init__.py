"""What leaves by MQTT: records and events from the journal, and what an agent says of itself."""
