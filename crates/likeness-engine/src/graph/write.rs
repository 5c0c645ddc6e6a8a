//! Writes a graph as an ONNX file.

use std::cell::RefCell;
use std::collections::HashMap;

use rten_onnx::onnx::{
    AttributeProto, AttributeType, DataType, Dimension, GraphProto, ModelProto, NodeProto,
    OperatorSetIdProto, TensorProto, TensorShapeProto, TypeProto, TypeProtoTensor, ValueInfoProto,
};

use crate::EngineError;

use super::{Attribute, Data, Graph, Node, Tensor, ValueId};

/// Version of the file format; it may hold every operator set from version 13 on.
const IR_VERSION: i64 = 8;

impl Graph {
    /// The bytes of an ONNX file; `shapes` are the shapes of the outputs for one picture.
    ///
    /// # Errors        a graph beyond the format's limits, or one that was joined for running → [`EngineError::BadGraph`]
    pub fn write(&self, shapes: &[Vec<usize>]) -> crate::Result<Vec<u8>> {
        self.write_named(shapes, &HashMap::new())
    }

    /// The bytes of an ONNX file as by [`write`](Self::write), with `names` for constants and for the outputs of nodes, whose
    /// nodes have the same names.
    ///
    /// # Errors        as [`write`](Self::write)'s
    pub fn write_named(
        &self,
        shapes: &[Vec<usize>],
        names: &HashMap<ValueId, String>,
    ) -> crate::Result<Vec<u8>> {
        self.to_bytes(shapes, names).map_err(EngineError::graph)
    }

    fn to_bytes(&self, shapes: &[Vec<usize>], names: &HashMap<ValueId, String>) -> Result<Vec<u8>, String> {
        let graph = GraphProto {
            node: self
                .nodes
                .iter()
                .enumerate()
                .map(|(i, n)| self.node_proto(i, n, names))
                .collect::<Result<_, _>>()?,
            initializer: self.initializers(names)?,
            input: vec![self.input_proto()],
            output: self
                .outputs
                .iter()
                .zip(shapes)
                .map(|((name, _), shape)| self.output_proto(name, shape))
                .collect(),
            ..Default::default()
        };
        let model = ModelProto {
            ir_version: Some(IR_VERSION),
            producer_name: Some("likeness".to_owned()),
            producer_version: Some(env!("CARGO_PKG_VERSION").to_owned()),
            opset_import: vec![OperatorSetIdProto { version: Some(self.opset), ..Default::default() }],
            graph: Some(graph),
            ..Default::default()
        };
        model.write_buf().map_err(|e| e.to_string())
    }

    fn name(&self, value: ValueId, names: &HashMap<ValueId, String>) -> String {
        match self.outputs.iter().find(|(_, v)| *v == value) {
            Some((name, _)) => name.clone(),
            None if value == self.input => self.input_name.clone(),
            None => names.get(&value).cloned().unwrap_or_else(|| format!("v{value}")),
        }
    }

    fn initializers(&self, names: &HashMap<ValueId, String>) -> Result<Vec<TensorProto>, String> {
        let mut constants: Vec<_> = self.constants.iter().collect();
        constants.sort_by_key(|(value, _)| **value);
        constants
            .into_iter()
            .map(|(value, tensor)| tensor_proto(Some(self.name(*value, names)), tensor))
            .collect()
    }

    fn node_proto(
        &self,
        i: usize,
        node: &Node,
        names: &HashMap<ValueId, String>,
    ) -> Result<NodeProto, String> {
        let mut attributes: Vec<_> = node.attributes.iter().collect();
        attributes.sort_by_key(|(name, _)| *name);
        let of_output = node.outputs.first().and_then(|output| names.get(output));
        let name = of_output.cloned().unwrap_or_else(|| format!("{}_{i}", node.op));
        Ok(NodeProto {
            name: Some(name),
            op_type: Some(node.op.clone()),
            input: node.inputs.iter().map(|v| v.map(|v| self.name(v, names)).unwrap_or_default()).collect(),
            output: node.outputs.iter().map(|v| self.name(*v, names)).collect(),
            attribute: attributes
                .into_iter()
                .map(|(n, a)| attribute_proto(n, a))
                .collect::<Result<_, _>>()?,
            ..Default::default()
        })
    }

    fn input_proto(&self) -> ValueInfoProto {
        let free = |i: usize| if i == 0 { "batch".to_owned() } else { format!("side_{i}") };
        let dimension = |(i, d): (usize, &Option<usize>)| match d {
            Some(n) => fixed(*n),
            None => Dimension { dim_param: Some(free(i)), ..Default::default() },
        };
        let shape = self.declared.shape.as_ref().map(|s| s.iter().enumerate().map(dimension).collect());
        described(&self.input_name, shape)
    }

    fn output_proto(&self, name: &str, shape: &[usize]) -> ValueInfoProto {
        let batch_is_free =
            self.declared.shape.as_ref().is_none_or(|s| s.first().is_none_or(Option::is_none));
        let dimension = |(i, n): (usize, &usize)| match i == 0 && batch_is_free {
            true => Dimension { dim_param: Some("batch".to_owned()), ..Default::default() },
            false => fixed(*n),
        };
        described(name, Some(shape.iter().enumerate().map(dimension).collect()))
    }
}

fn fixed(n: usize) -> Dimension {
    Dimension { dim_value: Some(n as i64), ..Default::default() }
}

fn described(name: &str, shape: Option<Vec<Dimension>>) -> ValueInfoProto {
    let shape = shape.map(|dim| TensorShapeProto { dim });
    let tensor_type = Some(TypeProtoTensor { elem_type: Some(DataType::FLOAT), shape });
    ValueInfoProto {
        name: Some(name.to_owned()),
        r#type: Some(TypeProto { tensor_type, ..Default::default() }),
    }
}

fn tensor_proto(name: Option<String>, tensor: &Tensor) -> Result<TensorProto, String> {
    fn bytes<T: Copy, const N: usize>(values: &[T], of: impl Fn(T) -> [u8; N]) -> Vec<u8> {
        values.iter().flat_map(|v| of(*v)).collect()
    }
    let (data_type, raw) = match &tensor.data {
        Data::Float(v) => (DataType::FLOAT, bytes(v, f32::to_le_bytes)),
        Data::Half(v) => (DataType::FLOAT16, bytes(v, u16::to_le_bytes)),
        Data::Whole(v) => (DataType::INT64, bytes(v, i64::to_le_bytes)),
        Data::Int32(v) => (DataType::INT32, bytes(v, i32::to_le_bytes)),
        Data::Signed(v) => (DataType::INT8, bytes(v, i8::to_le_bytes)),
        Data::Unsigned(v) => (DataType::UINT8, v.clone()),
        Data::Scaled(..) => return Err("a graph that was joined for running cannot be written".into()),
    };
    Ok(TensorProto {
        name,
        dims: tensor.shape.iter().map(|&d| d as i64).collect(),
        data_type: Some(data_type),
        raw_data: Some(RefCell::new(raw)),
        ..Default::default()
    })
}

fn attribute_proto(name: &str, attribute: &Attribute) -> Result<AttributeProto, String> {
    let mut proto = AttributeProto { name: Some(name.to_owned()), ..Default::default() };
    let kind = match attribute {
        Attribute::Float(v) => {
            proto.f = Some(*v);
            AttributeType::FLOAT
        }
        Attribute::Whole(v) => {
            proto.i = Some(*v);
            AttributeType::INT
        }
        Attribute::Text(v) => {
            proto.s = Some(v.clone());
            AttributeType::STRING
        }
        Attribute::Wholes(v) => {
            proto.ints = v.clone();
            AttributeType::INTS
        }
        Attribute::Floats(v) => {
            proto.floats = v.clone();
            AttributeType::FLOATS
        }
        Attribute::Tensor(t) => {
            proto.t = Some(tensor_proto(None, t)?);
            AttributeType::TENSOR
        }
    };
    proto.r#type = Some(kind);
    Ok(proto)
}
