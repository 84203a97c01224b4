mod protocol;
mod python_values;
